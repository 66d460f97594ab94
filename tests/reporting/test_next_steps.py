"""What to run next: from the records alone, with a cost where they tell one."""

import re
import shlex

from harness.commands.options import parse_flags
from harness.reporting.pages import write_report
from harness.tables import Claim, tables
from tests.records import done_record, failed_record
from tests.reporting.test_pages import keep_arrays, small_table

TABLES = {name: tables()[name] for name in ("mpn_ablation", "mpn_k", "ide_main")}


def steps_of(folder, records, chosen=TABLES):
    """(sentence, cost, command) of each step of the index."""
    index = write_report(records, chosen, folder, folder / "report")[-1].read_text(encoding="utf-8")
    steps = index.partition('<ol class="steps">')[2].partition("</ol>")[0]
    return re.findall(r"<li>(.*?) <span.*?<small>(.*?)</small>.*?<pre[^>]*>(.*?)</pre>", steps, re.DOTALL)


def test_what_failed_comes_first_then_what_was_begun(tmp_path):
    records = [
        done_record("mpn_ablation", "MPN", wall_seconds=600.0),
        failed_record("mpn_ablation", "MT Only", "no memory"),
    ]
    failed, begun, untouched = steps_of(tmp_path, records)
    assert failed[0].startswith("MT Only of Table 1") and "--row &#39;MT Only&#39;" in failed[2]
    assert failed[1] == "at most 1 training, about 10 min on Abacus on 2 threads"
    assert begun[0] == "8 rows of Table 1 on Synthetic pedestrians, profile demo are not run"
    assert begun[1] == "at most 8 trainings, about 80 min on Abacus on 2 threads"
    assert untouched[0] == "Nothing is measured for ide yet" and "--dry-run" in untouched[1]


def test_every_command_is_one_that_the_command_line_takes(tmp_path):
    records = [done_record("mpn_ablation", "MPN"), failed_record("mpn_ablation", "Naïve MTL", "no memory")]
    for _, _, command in steps_of(tmp_path, records):
        words = shlex.split(command.replace("&#39;", "'"))
        assert words[:3] == ["python", "-m", "harness.run"]
        assert parse_flags(words[3:]).tables


def test_a_claim_that_is_undecided_with_one_seed_asks_for_another(tmp_path):
    claim = Claim("mpn_ablation", "a", "b", "map", "a beats b", "Sec. 5")
    table = small_table(("a", "90.0"), ("b", "80.0"), claims=(claim,))
    records = [done_record(table.id, row, seed=3) for row in "ab"]
    for record in records:
        keep_arrays(tmp_path, record)
    ((sentence, _, command),) = steps_of(tmp_path, records, {table.id: table})
    assert sentence.startswith("1 claim") and command.endswith("--profile demo --seed 4")
