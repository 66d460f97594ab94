"""The inspector's data: what can be compared, on which queries, and what is said of records that keep too little."""

import json
import re

import numpy as np
import pytest

from harness.reporting.cells import Group, measured_cell
from harness.reporting.inspector import inspector
from harness.results.stored import StoredArrays
from tests.records import done_record, protocol
from tests.reporting.inspected import CUT, QUERIES, keep_album, keep_queries, labels
from tests.reporting.test_pages import keep_arrays, page_of, small_table

BUDGET = 1_000_000


def inspected(results, records, show_images=True, budget=BUDGET):
    """The inspector of these records' rows."""
    rows = list(dict.fromkeys(record["row"] for record in records))
    table = small_table(*((row, "1.0") for row in rows))
    group = Group(records[0]["dataset"], records[0]["profile"], ("map",))
    cells = [measured_cell(table, row, group, records) for row in table.rows]
    return inspector([cell for cell in cells if cell.done], StoredArrays(results), show_images, budget)


def kept(results, *rows, seeds=(0,), **changed):
    """Records of these rows with their queries, and their album."""
    records = [done_record("mpn_ablation", row, seed=seed, **changed) for row in rows for seed in seeds]
    for number, record in enumerate(records):
        keep_queries(results, record, blurred=0 if record["row"] == "full" else 2, seed=number)
    keep_album(results, records[0])
    return records


def test_average_precision_of_every_query_stands_in_hundredths_of_a_percent(tmp_path):
    record = done_record("mpn_ablation", "full")
    scores = keep_queries(tmp_path, record)
    data = inspected(tmp_path, [record]).data
    assert data["trainings"][0]["ap"] == np.rint(1e4 * scores.average_precision).astype(int).tolist()


def test_lists_hold_the_nearest_images_and_tell_right_from_wrong_by_the_person(tmp_path):
    record = done_record("mpn_ablation", "full")
    scores = keep_queries(tmp_path, record)
    data, of = inspected(tmp_path, [record]).data, labels()
    for place, query in enumerate(data["listed"]):
        rows = scores.top[query]
        shown = data["trainings"][0]["top"][place]
        assert [data["images"]["people"][image] for image in shown] == of["gallery_ids"][rows].tolist()


def test_the_first_true_match_beyond_ten_is_found_again_from_the_features(tmp_path):
    record = done_record("mpn_ablation", "weak")
    scores, of = keep_queries(tmp_path, record, blurred=6, noise=1.5), labels()
    data = inspected(tmp_path, [record]).data
    training = data["trainings"][0]
    late = [place for place, rank in enumerate(training["first_rank"]) if rank > 10]
    assert late
    for place, query in enumerate(data["listed"]):
        assert training["first_rank"][place] == scores.match_ranks[scores.offsets[query]]
        image = training["first"][place]
        assert (image >= 0) == (place in late)
        if image >= 0:
            assert data["images"]["people"][image] == of["query_ids"][query]
            assert data["images"]["cameras"][image] != of["query_cams"][query]


def test_of_a_reranked_record_only_the_rank_of_a_late_match_is_known(tmp_path):
    record = done_record("mpn_ablation", "weak", protocol={**protocol(), "reranked": True})
    keep_queries(tmp_path, record, blurred=6, noise=1.5)
    training = inspected(tmp_path, [record]).data["trainings"][0]
    assert max(training["first_rank"]) > 10 and set(training["first"]) == {-1}


def test_the_full_method_stands_against_the_first_other_row(tmp_path):
    records = kept(tmp_path, "base", "half", "full")
    table = small_table(("base", "1.0"), ("half", "1.0"), ("full", "1.0"))
    table.rows[0].switches["tasks"] = table.rows[1].switches["tasks"] = "mt"
    cells = [measured_cell(table, row, Group("synthetic", "demo", ("map",)), records) for row in table.rows]
    data = inspector(cells, StoredArrays(tmp_path), True, BUDGET).data
    assert [data["choices"][place]["name"] for place in data["pair"]] == ["full", "base"]


def test_a_row_of_several_seeds_can_be_chosen_whole_and_seed_by_seed(tmp_path):
    data = inspected(tmp_path, kept(tmp_path, "base", seeds=(0, 1))).data
    assert data["choices"] == [
        {"name": "base, 2 seeds", "trainings": [0, 1]},
        {"name": "base, seed 0", "trainings": [0]},
        {"name": "base, seed 1", "trainings": [1]},
    ]
    assert data["pair"] == [0, -1]


def test_facts_part_the_queries_and_one_that_is_the_same_for_all_is_left_out(tmp_path):
    data = inspected(tmp_path, kept(tmp_path, "full")).data
    facts = {fact["title"]: fact for fact in data["facts"]}
    assert list(facts) == ["box", "camera"]
    assert facts["box"]["values"] == ["whole in the box", "head cut off"]
    assert facts["box"]["of_query"] == CUT.astype(int).tolist()


def test_cameras_of_true_matches_leave_out_the_querys_own(tmp_path):
    data = inspected(tmp_path, kept(tmp_path, "full")).data
    own = labels()["query_cams"].tolist()
    assert all(camera not in found for camera, found in zip(own, data["match_cameras"], strict=True))


@pytest.mark.parametrize(("album", "shown"), [(True, True), (True, False), (False, True)])
def test_images_need_an_album_and_leave_to_be_shown(tmp_path, album, shown):
    record = done_record("mpn_ablation", "full")
    keep_queries(tmp_path, record)
    if album:
        keep_album(tmp_path, record)
    data = inspected(tmp_path, [record], show_images=shown).data
    assert (data["sheet"] is not None) == (album and shown)
    assert data["images"]["names"][0] == '0000_c1s1_<b>&"000.png'


def test_images_are_shrunk_until_they_fit_their_budget(tmp_path):
    record = done_record("mpn_ablation", "full")
    keep_queries(tmp_path, record)
    keep_album(tmp_path, record, noisy=True)
    wide, small = (inspected(tmp_path, [record], budget=budget).data["sheet"] for budget in (BUDGET, 150_000))
    assert small["width"] < wide["width"] == 44
    assert len(small["uri"]) <= 150_000 < len(wide["uri"])


def test_of_many_queries_those_are_listed_on_which_rows_differ_most(tmp_path, monkeypatch):
    monkeypatch.setattr("harness.reporting.inspector.MOST_LISTED", 5)
    data = inspected(tmp_path, kept(tmp_path, "base", "full"))
    first, second = (np.array(training["ap"]) for training in data.data["trainings"])
    differences = np.abs(first - second)
    assert len(data.data["listed"]) == 5 and data.unlisted == QUERIES - 5
    assert differences[data.data["listed"]].min() >= np.sort(differences)[-5]


def test_a_damaged_record_has_its_reason_and_the_others_are_compared(tmp_path):
    records = kept(tmp_path, "base", "full")
    (tmp_path / records[0]["evaluation"] / "scores.npz").write_bytes(b"PK\x03\x04 cut off")
    found = inspected(tmp_path, records)
    assert [choice["name"] for choice in found.data["choices"]] == ["full"]
    assert len(found.remarks) == 1 and found.remarks[0].startswith("base, seed 0: ")
    assert str(tmp_path) not in found.remarks[0]


def test_a_record_of_other_images_is_named_and_not_compared(tmp_path):
    records = kept(tmp_path, "base", "full")
    path = tmp_path / records[1]["evaluation"] / "features.npz"
    with np.load(path) as arrays:
        np.savez(path, **{**arrays, "query_names": arrays["query_names"][::-1]})
    found = inspected(tmp_path, records)
    assert found.remarks == ("full, seed 0: tested on other images than base, seed 0",)


def test_a_damaged_album_is_said_and_names_take_the_place_of_images(tmp_path):
    record = done_record("mpn_ablation", "full")
    keep_queries(tmp_path, record)
    keep_album(tmp_path, record).write_bytes(b"PK\x03\x04 cut off")
    found = inspected(tmp_path, [record])
    assert found.data["sheet"] is None and "is damaged" in found.remarks[0]


def test_a_page_without_ranks_keeps_the_lists_that_were_kept(tmp_path):
    record = done_record("mpn_ablation", "MPN")
    keep_arrays(tmp_path / "results", record)
    page = page_of(tmp_path, [record])
    assert "Ranked lists" in page and "Two rows, query by query" not in page


def test_a_page_with_ranks_shows_its_lists_in_the_inspector_only(tmp_path):
    record = done_record("mpn_ablation", "MPN")
    keep_arrays(tmp_path / "results", record)
    keep_queries(tmp_path / "results", record)
    page = page_of(tmp_path, [record])
    assert "<h3>Ranked lists" not in page and "Two rows, query by query" in page
    found = json.loads(re.search(r'<script type="application/json">(.*?)</script>', page, re.DOTALL).group(1))
    assert found["queries"] == QUERIES and "<b>" not in page


@pytest.mark.slow
def test_a_page_of_21_rows_stays_under_3_mb(tmp_path):
    """Images of noise, which no format makes small."""
    table = small_table(*(("row" + "x" * number, "1.0") for number in range(21)))
    records = [done_record(table.id, row.key) for row in table.rows]
    for record in records:
        keep_arrays(tmp_path / "results", record)
        keep_queries(tmp_path / "results", record)
    keep_album(tmp_path / "results", records[0], noisy=True)
    assert len(page_of(tmp_path, records, table).encode()) < 3_000_000
