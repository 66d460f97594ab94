"""The report: what a reader must find on a page, and what must never be on it."""

import re
from dataclasses import replace

import numpy as np
import pytest

from harness.evaluation.metrics import Scores
from harness.evaluation.ranking import Ranking
from harness.reporting.cells import Group
from harness.reporting.charts import Bar, Line, cmc_chart, map_chart
from harness.reporting.copies import latex, long_csv
from harness.reporting.layout import lay_out
from harness.reporting.pages import write_report
from harness.results.store import contact_sheet_path
from harness.tables import Claim, Figure, Paper, Row, Table, tables
from tests.records import SCRATCH, done_record, failed_record

QUERIES = 40


def keep_arrays(results, record, images=True, better=0):
    """Ranked lists, scores and features beside a record; ``better`` moves the second match of each query up."""
    folder = results / record["evaluation"]
    folder.mkdir(parents=True)
    generator = np.random.default_rng(0)
    gallery = np.tile(np.arange(10), (9, 1))
    gallery[0, 7:] = -1
    strips = {
        "kind": np.repeat(["best", "median", "worst"], 3),
        "query": np.arange(9),
        "gallery": gallery,
        "right": (np.arange(90).reshape(9, 10) % 3 == 0) & (gallery >= 0),
        "query_names": np.array([f"query/{number:04d}_c1s1.png" for number in range(9)]),
        "gallery_names": np.array([[f"bounding_box_test/g{q}_{r}.png" for r in range(10)] for q in range(9)]),
        "average_precision": np.linspace(1, 0.01, 9),
    }
    if images:
        strips["images"] = generator.integers(0, 255, (9, 11, 48, 16, 3), dtype=np.uint8)
        maps = generator.integers(0, 255, (2, 6, 48, 16), dtype=np.uint8)
        names = np.array([f"part {number}" for number in range(1, 7)])
        np.savez(folder / "attention.npz", images=strips["images"][:2, 0], maps=maps, names=names)
    np.savez(folder / "strips.npz", **strips)
    second = np.maximum(2, np.arange(QUERIES) % 7 + 20 - better)
    ranks = np.stack([np.ones(QUERIES), second], axis=1).astype(np.int32).ravel()
    scores = Scores.of(Ranking(ranks, np.arange(0, 2 * QUERIES + 1, 2), np.zeros((QUERIES, 10), np.int32)))
    np.savez(folder / "scores.npz", **vars(scores), query_ids=np.arange(QUERIES) // 2)


def page_of(tmp_path, records, table=None, images=False):
    """The text of one table's page."""
    table = table or tables()["mpn_ablation"]
    pages = write_report(records, {table.id: table}, tmp_path / "results", tmp_path / "report", images)
    return pages[0].read_text(encoding="utf-8")


def small_table(*rows, claims=()):
    """A table with one dataset and one metric, rows as (name, printed figure)."""
    made = [
        Row(name, name, "", True, {}, {"market1501": {"map": Figure(printed) if printed else None}}, "")
        for name, printed in rows
    ]
    paper = Paper("A title", "A venue", 2020)
    return Table("mpn_ablation", "mpn", "Table 1", "Caption", "", tuple(made), paper, claims)


def body_cells(page):
    """The cells of the page's main table as text, row by row, headings left out."""
    body = page.split("<tbody>")[1].split("</tbody>")[0]
    rows = re.findall(r"<tr[^>]*>(.*?)</tr>", body, re.DOTALL)
    return [
        [" ".join(re.sub(r"<[^>]+>", " ", cell).split()) for cell in re.findall(r"<t[hd].*?</t[hd]>", row, re.DOTALL)]
        for row in rows
        if "colgroup" not in row
    ]


def test_rows_stand_in_the_papers_order(tmp_path):
    page = page_of(tmp_path, [])
    names = [row.name for row in tables()["mpn_ablation"].rows]
    assert [cells[0].split(" note ")[0] for cells in body_cells(page)] == names
    assert body_cells(page)[1][0].startswith("Baseline (UB) note cuhk03_labeled is a printed dash")


def test_published_figures_keep_their_printed_decimals_and_dashes(tmp_path):
    page = page_of(tmp_path, [], small_table(("a", "95.80"), ("b", "7"), ("c", "")))
    assert [cells[1] for cells in body_cells(page)] == ["95.80", "7", "–"]


def test_measured_figure_stands_with_its_difference_interval_and_verdict(tmp_path):
    record = done_record("mpn_ablation", "a", "market1501", "paper", metrics={"map": 97.3}, reasons=())
    cells = body_cells(page_of(tmp_path, [record], small_table(("a", "95.8"))))[0]
    assert cells[1:] == ["? undecided 1 seed", "97.3 95.3–99.8 95.8 +1.5"]


def test_several_seeds_give_mean_and_spread_and_one_verdict(tmp_path):
    records = [
        done_record("mpn_ablation", "a", "market1501", "paper", seed, {"map": value}, reasons=())
        for seed, value in enumerate([97.0, 97.3, 97.6])
    ]
    page = page_of(tmp_path, records, small_table(("a", "95.8")))
    assert body_cells(page)[0][1:] == ["▲ above 3 seeds", "97.3 ± 0.3 95.8 +1.5"]
    assert "sqrt(3 seeds)" in page
    assert "± is the sample standard deviation" in page


@pytest.mark.parametrize(
    ("seeds_of_a", "seeds_of_b", "said"),
    [
        ([0, 1, 2], [0, 1, 2], "2 of 2 rows; seeds 0, 1 and 2;"),
        ([1], [1], "2 of 2 rows; seed 1;"),
        ([0], [0, 1, 2], "2 of 2 rows; 1 to 3 seeds per row;"),
        ([0], [1], "2 of 2 rows; 1 seed per row;"),
        ([0, 1], [1, 2], "2 of 2 rows; 2 seeds per row;"),
    ],
)
def test_seeds_are_named_only_where_every_row_has_them(tmp_path, seeds_of_a, seeds_of_b, said):
    seeds = {"a": seeds_of_a, "b": seeds_of_b}
    records = [done_record("mpn_ablation", row, "market1501", "paper", seed) for row in seeds for seed in seeds[row]]
    assert said in page_of(tmp_path, records, small_table(("a", "95.8"), ("b", "95.8")))


@pytest.mark.parametrize("seeds", [[0], [0, 1]])
def test_the_headline_names_what_others_start_from_and_leaves_the_run_to_the_receipt(tmp_path, seeds):
    starts = [{**SCRATCH, "kind": "run", "run": f"a{seed}", "method": "ide", "part": "trunk"} for seed in seeds]
    records = [
        done_record("mpn_ablation", "a", seed=seed, initialisation=start)
        for seed, start in zip(seeds, starts, strict=True)
    ]
    page = page_of(tmp_path, records, small_table(("a", "95.8")))
    assert "initialised from trunk of ide)" in page
    assert "trunk of ide, run a0" in page[page.index("popover") :]


def test_lists_costs_and_maps_are_said_to_be_of_the_first_seed(tmp_path):
    records = [done_record("mpn_ablation", "MPN", seed=seed, metrics={"map": 40.0 + 10 * seed}) for seed in (0, 1)]
    for record in records:
        keep_arrays(tmp_path / "results", record)
    page = page_of(tmp_path, records)
    assert page.count("each row's first seed") == 3
    assert "<summary>MPN, mAP 40.0</summary>" in page


def table_of_two_metrics(**figures):
    """A table with one row ``a`` and these figures on Market-1501, None for a printed dash."""
    table = small_table(("a", "95.8"))
    printed = {metric: Figure(figure) if figure else None for metric, figure in figures.items()}
    return replace(table, rows=(replace(table.rows[0], published={"market1501": printed}),))


def test_a_printed_dash_beside_a_figure_has_no_part_in_the_cells_verdict(tmp_path):
    records = [
        done_record("mpn_ablation", "a", "market1501", "paper", seed, {"rank1": value, "map": 80.0}, reasons=())
        for seed, value in enumerate([96.2, 96.3, 96.4])
    ]
    page = page_of(tmp_path, records, table_of_two_metrics(rank1="96.3", map=None))
    assert body_cells(page)[0][1] == "✓ reproduced 3 seeds"


def test_a_row_is_not_set_against_figures_that_are_another_rows(tmp_path):
    figures = {"rank1": 71.5, "map": 67.5}
    record = done_record("mpn_ablation", "Baseline (UB)", "cuhk03_detected", "paper", metrics=figures, reasons=())
    page = page_of(tmp_path, [record])
    assert "<li>the figures printed for Baseline (UB) on CUHK03 detected are those of Baseline on" in page
    row = body_cells(page)[1]
    assert row[1:] == ["≁ not comparable 1 seed", "71.5 69.5–74.0 75.6", "67.5 65.5–70.0 71.3"]


def test_a_cell_of_printed_dashes_says_that_there_is_nothing_to_compare_it_with(tmp_path):
    record = done_record("mpn_ablation", "a", "market1501", "paper", reasons=())
    page = page_of(tmp_path, [record], table_of_two_metrics(rank1=None, map=None))
    assert body_cells(page)[0][1] == "≁ not comparable 1 seed"
    assert "<li>the paper prints no figure for this cell</li>" in page


def test_a_demo_figure_is_not_comparable_and_the_page_says_why(tmp_path):
    page = page_of(tmp_path, [done_record("mpn_ablation", "MPN", reasons=("demo profile", "embedded dataset"))])
    assert "an ordering exercise, not a reproduction" in page
    assert "have no verdict. Reasons on this page:" in page
    assert "<li>demo profile</li><li>embedded dataset</li>" in page
    assert body_cells(page)[-1][1] == "≁ not comparable 1 seed"


def test_profiles_of_one_dataset_have_columns_of_their_own(tmp_path):
    records = [done_record("mpn_ablation", "a", "market1501", profile) for profile in ("budget", "paper")]
    page = page_of(tmp_path, records, small_table(("a", "95.8")))
    headings = re.findall(r'of-group" colspan="2">([^<]*) <span class="profile">([^<]*)<', page)
    assert headings == [("Market-1501", "paper"), ("Market-1501", "budget")]


@pytest.mark.parametrize(
    ("rows", "values"),
    [
        # A tie as shown.
        ((("a", ""), ("b", ""), ("c", "")), (41.24, 41.21, 30.0)),
        # The column's fewest decimals: shown with two, b has 90.1.
        ((("a", "90.00"), ("b", "90.0"), ("c", "90.00")), (90.12, 90.14, 90.04)),
    ],
)
def test_best_measured_figure_of_a_column_is_marked_and_ties_as_shown_share_it(rows, values):
    table = small_table(*rows)
    records = [
        done_record(table.id, row, "market1501", metrics={"map": value}, reasons=())
        for row, value in zip("abc", values, strict=True)
    ]
    group = Group("market1501", "demo", ("map",))
    assert [bool(row.cells[group].best) for row in lay_out(table, records).rows] == [True, True, False]


def test_datasets_without_a_record_are_folded_away_beside_measured_ones(tmp_path):
    page = page_of(tmp_path, [done_record("mpn_ablation", "MPN", "market1501")])
    shown, folded = page.split('<details class="folded">')
    assert "DukeMTMC-reID" not in shown.split("<thead>")[1] and "DukeMTMC-reID" in folded
    assert '<details class="folded">' not in page_of(tmp_path, [])


def test_failed_cell_shows_its_cause_and_log(tmp_path):
    record = failed_record("mpn_ablation", "MPN", 'CUDA said "no" & <stopped>')
    page = page_of(tmp_path, [record])
    assert body_cells(page)[-1][1] == "✗ failed out of memory"
    assert "CUDA said &#34;no&#34; &amp; &lt;stopped&gt;" in page
    assert "&lt;boom&gt;" in page


def test_a_failed_seed_beside_a_good_one_is_not_hidden(tmp_path):
    records = [done_record("mpn_ablation", "MPN"), failed_record("mpn_ablation", "MPN", "no memory", seed=1)]
    assert "1 seed failed: out of memory" in body_cells(page_of(tmp_path, records))[-1][1]


def test_several_failed_seeds_are_counted(tmp_path):
    failed = [failed_record("mpn_ablation", "MPN", "no memory", seed=seed) for seed in (1, 2)]
    cells = body_cells(page_of(tmp_path, [done_record("mpn_ablation", "MPN"), *failed]))
    assert "2 seeds failed: out of memory" in cells[-1][1]


def test_cell_not_run_gives_the_command_that_runs_it(tmp_path):
    page = page_of(tmp_path, [])
    command = "python -m harness.run --table mpn_ablation --row &#39;PSA Alone (C1-S)&#39; --dataset market1501"
    assert f"{command} --profile paper" in page


@pytest.mark.parametrize("measured", [False, True])
def test_a_cell_that_the_table_leaves_out_is_empty_and_not_counted(tmp_path, measured):
    table = tables()["rmgl_cross"]
    place, transfer = next(
        (at, row.key) for at, row in enumerate(table.rows) if row.key == "Source: Market RMGL(Ours)†"
    )
    records = [done_record(table.id, "Source: Duke RMGL(Ours)†", "market1501", "paper", reasons=())] * measured
    page = page_of(tmp_path, records, table)
    assert f"--row &#39;{transfer}&#39; --dataset dukemtmc" in page
    assert f"--row &#39;{transfer}&#39; --dataset market1501" not in page
    assert body_cells(page)[place].count("") == 3  # Its state and its two figures.
    assert ("1 of 3 rows" in page) == measured
    index = (tmp_path / "report" / "index.html").read_text(encoding="utf-8")
    assert re.search(rf'aria-label="rmgl: [^"]*\b{9 - measured} not run"', index)
    layout = lay_out(table, records)
    assert f"{transfer},market1501," not in long_csv(layout)
    empty = " & " * (4 if measured else 2)
    assert any(
        line.startswith(transfer) and line.endswith(rf" & 14.8{empty} \\") for line in latex(layout).splitlines()
    )


def test_quoted_rows_are_muted_and_have_no_command(tmp_path):
    page = page_of(tmp_path, [], tables()["mpn_market"])
    quoted = [row for row in tables()["mpn_market"].rows if not row.runs]
    assert page.count('<tr class="quoted"') == len(quoted)
    assert page.count("harness.run") == 2 * (len(tables()["mpn_market"].rows) - len(quoted))


def test_receipt_holds_every_item_behind_a_figure(tmp_path):
    page = page_of(tmp_path, [done_record("mpn_ablation", "MPN")])
    for part in (
        "mt_and_at",
        "probability",
        "<dt>initialisation</dt><dd>scratch, as the recipe says<dl><dt>kind</dt><dd>scratch</dd>",
        "bfloat16, channels_last; features kept and scored in float16",
        "0123456789abcdef",
        "mAP, trapezoid form",
        "40.73",
        "2 without any",
    ):
        assert part in page, part


def test_what_is_printed_is_escaped_everywhere(tmp_path):
    name = "<script>alert(1)</script>"
    table = small_table((name, "95.8"), ('$x$ & "b"', "1.0"))
    records = [done_record(table.id, row.key, reasons=("<b>why</b>",)) for row in table.rows]
    keep_arrays(tmp_path / "results", records[0])
    page = page_of(tmp_path, records, table)
    assert name not in page
    assert "<b>why" not in page
    assert page.count("<script>") == 1
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page


def test_page_asks_for_nothing_outside_itself(tmp_path):
    records = [done_record("mpn_ablation", row.key) for row in tables()["mpn_ablation"].rows[-2:]]
    for record in records:
        keep_arrays(tmp_path / "results", record)
    pages = write_report(records, tables(), tmp_path / "results", tmp_path / "report")
    names = {page.name for page in pages}
    for page in pages:
        text = page.read_text(encoding="utf-8")
        for target in re.findall(r"""(?:src|href|url)\s*[=(]\s*["']?([^"')\s>]+)""", text):
            beside = target.split("#")[0] in names or (target.startswith("files/") and (page.parent / target).exists())
            assert target.startswith(("data:", "#")) or beside, (page.name, target)
        assert not re.search(r"https?://|@import|<link (?!rel=\"icon\")|fetch\(", text), page.name


def test_images_of_the_embedded_dataset_are_shown(tmp_path):
    record = done_record("mpn_ablation", "MPN")
    keep_arrays(tmp_path / "results", record)
    page = page_of(tmp_path, [record])
    assert page.count("data:image/webp") == 9 + 2
    assert page.count("frame right") == 30 - 1  # one right match of the first strip is padding
    assert "part 6" in page


def test_the_contact_sheet_of_the_embedded_dataset_is_shown_where_it_was_kept(tmp_path):
    record = done_record("mpn_ablation", "MPN")
    assert "The dataset" not in page_of(tmp_path, [record])
    sheet = tmp_path / "results" / contact_sheet_path(record["receipt"]["passport"]["fingerprint"])
    sheet.parent.mkdir(parents=True)
    sheet.write_bytes(b"RIFF")
    assert "data:image/webp;base64,UklGRg==" in page_of(tmp_path, [record])


@pytest.mark.parametrize(("asked", "shown"), [(False, 0), (True, 9 + 2)])
def test_images_of_real_datasets_are_shown_only_when_asked(tmp_path, asked, shown):
    record = done_record("mpn_ablation", "MPN", "market1501", "budget")
    keep_arrays(tmp_path / "results", record)
    page = page_of(tmp_path, [record], images=asked)
    assert page.count("data:image") == shown
    assert "g0_3.png" in page


def test_padding_is_never_shown_as_a_match(tmp_path):
    record = done_record("mpn_ablation", "MPN")
    keep_arrays(tmp_path / "results", record)
    page = page_of(tmp_path, [record])
    assert "g0_6.png" in page
    assert "g0_7.png" not in page


def test_absent_and_damaged_arrays_are_said_not_fatal(tmp_path):
    record = done_record("mpn_ablation", "MPN")
    assert "strips.npz was not kept" in page_of(tmp_path, [record])
    folder = tmp_path / "results" / record["evaluation"]
    folder.mkdir(parents=True)
    for name in ("strips.npz", "attention.npz"):
        (folder / name).write_bytes(b"PK\x03\x04 cut off")
    page = page_of(tmp_path, [record])
    assert "strips.npz is damaged" in page
    assert "attention.npz is damaged" in page


def test_claim_is_checked_on_paired_records(tmp_path):
    claim = Claim("mpn_ablation", "a", "b", "map", "a beats b", "Sec. 5")
    table = small_table(("a", "90.0"), ("b", "80.0"), ("c", "70.0"), claims=(claim, replace(claim, better="c")))
    records = [done_record(table.id, row) for row in "ab"]
    for record, better in zip(records, (15, 0), strict=True):
        keep_arrays(tmp_path / "results", record, better=better)
    page = page_of(tmp_path, records, table)
    assert '<b aria-hidden="true">✓</b> <span class="word">holds</span>' in page
    assert "1 ordering waits for rows that are not measured" in page and "Not measured: c." in page
    swapped = replace(table, claims=(replace(claim, better="b", worse="a"),))
    assert '<b aria-hidden="true">✗</b> <span class="word">contradicted</span>' in page_of(tmp_path, records, swapped)


def test_a_claim_says_how_many_seeds_of_each_row_stand_behind_it(tmp_path):
    claim = Claim("mpn_ablation", "a", "b", "map", "a beats b", "Sec. 5")
    table = small_table(("a", "90.0"), ("b", "80.0"), claims=(claim,))
    records = [done_record(table.id, row, seed=seed) for row, seed in (("a", 0), ("a", 1), ("b", 0), ("b", 1))]
    for record in records:
        keep_arrays(tmp_path / "results", record)
    # A seed that only one row has is left out: the other row did not start from its network.
    assert re.search(r"<td>[+−]\d+\.\d<small>market1501|<td>1</td>", page_of(tmp_path, records[:3], table))
    other = [records[0], records[1], done_record(table.id, "b", seed=2)]
    keep_arrays(tmp_path / "results", other[2])
    assert "<td>2 and 1</td>" in page_of(tmp_path, other, table)
    assert re.search(r"<td>[+−]\d+\.\d<small>market1501|<td>2</td>", page_of(tmp_path, records, table))


def test_same_records_give_the_same_bytes(tmp_path):
    record = done_record("mpn_ablation", "MPN")
    keep_arrays(tmp_path / "results", record)
    table = {"mpn_ablation": tables()["mpn_ablation"]}
    first, second = (write_report([record], table, tmp_path / "results", tmp_path / name) for name in "ab")
    assert [page.read_bytes() for page in first] == [page.read_bytes() for page in second]


def cost_table(column="market1501"):
    """A table that prints costs beside accuracy, as PGFL-KD's Table 8 does."""
    printed = {"map": Figure("50.0"), "params_m": Figure("2.0"), "flops_g": Figure("0.50"), "time_s": Figure("0.08")}
    table = small_table(("a", "95.8"), ("b", ""))
    return replace(table, rows=(replace(table.rows[0], published={column: printed}), table.rows[1]))


def test_measured_costs_stand_in_proportion_to_the_published_ones_and_have_no_verdict(tmp_path):
    record = done_record("mpn_ablation", "a", "market1501", "paper", reasons=())
    page = page_of(tmp_path, [record], cost_table())
    # 4,123,456 parameters, 123 M multiply-adds, 4.2 ms for the features and 0.2 ms for matching.
    assert body_cells(page)[0][3:6] == ["4.123 × 2.06 2.0", "0.123 × 0.246 0.50", "0.0044 × 0.055 0.08"]
    assert body_cells(page)[0][1] == "▼ below 1 seed"  # of mAP alone
    assert "a full sort" in page
    costs = page[page.index(">Matching a query<") :]
    assert costs.index(">A query in all<") < costs.index(">Training speed<")
    assert "<td>0.2 ms (0.3)</td><td>4.4 ms</td><td>812 images/s</td>" in costs
    assert body_cells(page)[1][1] == "– not run"


def test_costs_are_measured_also_on_datasets_that_the_paper_has_not(tmp_path):
    page = page_of(tmp_path, [done_record("mpn_ablation", "a")], cost_table())
    assert body_cells(page)[0][1:] == ["≁ not comparable 1 seed", "41.2 39.2–43.7", "4.123", "0.123", "0.0044"]


def test_a_feature_that_needs_poses_is_charged_for_their_estimator(tmp_path):
    plain, posed = (done_record("mpn_ablation", row, "market1501") for row in "ab")
    posed["cost"] |= {"parameters_of_priors": 63_596_000, "macs_of_priors": 15_692_000_000}
    posed["cost"] |= {"estimators": {"keypoints": "HRNet-W48 at 384x128"}}
    table = cost_table()
    page = page_of(tmp_path, [plain, posed], table)
    assert "67.72" in body_cells(page)[1][-3] and "15.81" in body_cells(page)[1][-2]
    assert "<td>63.60 M</td><td>15.692 G</td>" in page and "<td>–</td><td>–</td>" in page
    assert "HRNet-W48 at 384x128, which a row that reads keypoints at test would need" in page
    assert "of priors" not in page_of(tmp_path, [plain], table)


@pytest.mark.parametrize(("recorded", "shown"), [("CPU on 1 threads", "CPU on 1 thread"), ("on 11 threads",) * 2])
def test_one_thread_is_no_threads_in_older_records_either(tmp_path, recorded, shown):
    record = done_record("mpn_ablation", "a", "market1501")
    record["cost"]["latency"]["device"] = recorded
    assert f"{shown}." in page_of(tmp_path, [record], cost_table())


def test_attention_says_what_it_shows(tmp_path):
    record = done_record("mpn_ablation", "MPN")
    keep_arrays(tmp_path / "results", record)
    file = tmp_path / "results" / record["evaluation"] / "attention.npz"
    with np.load(file) as kept:
        np.savez(file, **{**kept, "caption": "Responses of <F>."})
    assert "Responses of &lt;F&gt;." in page_of(tmp_path, [record])


def test_charts_take_their_colours_from_the_page():
    for chart in (cmc_chart([Line("$5 <b> $6", [1, 2], [50, 60])]), map_chart([Bar("a", 40, 38, 45)])):
        assert "currentColor" in chart
        assert "var(--series-0)" in chart
        assert "#0102" not in chart
    assert "$5 &lt;b&gt; $6" in cmc_chart([Line("$5 <b> $6", [1, 2], [50, 60])])
