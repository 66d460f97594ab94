"""Below a report's table: curves and maps of one training are drawn once, the dataset's sheet says what is on it."""

import re

import numpy as np
import pytest

from harness.datasets.synthetic.edition import EDITIONS
from harness.reporting.cells import Group, measured_cell
from harness.reporting.charts import Line, loss_chart
from harness.reporting.training_curves import TrainingCurves, caption, training_curves
from harness.results.store import contact_sheet_path
from tests.records import done_record, failed_record
from tests.reporting.test_pages import keep_arrays, page_of, small_table

LONG = "MDPR(Ours): distillation only, without the fusion module and without its classifier"


def cells_of(table, records):
    """The table's cells on the embedded dataset."""
    return [measured_cell(table, row, Group("synthetic", "demo", ("map",)), records) for row in table.rows]


def texts_of(chart):
    """The text of a chart, a line of a title each."""
    return re.findall(r"<text [^>]*>([^<]*)</text>", chart)


def test_rows_that_read_one_training_share_its_curve():
    table = small_table(("a", "1.0"), ("b", "1.0"), ("c", "1.0"))
    records = [done_record(table.id, row, seed=seed) for row in "abc" for seed in (0, 1)]
    for record in records[2:4]:  # Row b is another feature of row a's two networks.
        record["run"] = next(each["run"] for each in records if each["seed"] == record["seed"])
    curves = training_curves(cells_of(table, records))
    assert [each.rows for each in curves] == [["a", "b"], ["c"]]
    assert [each.title for each in curves] == ["a; b", "c"]
    assert [[line.name for line in each.lines.values()] for each in curves] == [["0", "1"], ["0", "1"]]


def test_rows_that_a_panels_title_leaves_out_are_named_beneath():
    few, many = TrainingCurves(["a", "b"]), TrainingCurves([f"feature {number} of ten" for number in range(10)])
    assert many.title == "feature 0 of ten and 9 more"
    beneath = caption([few, many])
    assert "feature 0 of ten; feature 1 of ten; " in beneath and "a; b" not in beneath


def test_a_training_that_is_not_evaluated_has_no_panel():
    table = small_table(("a", "1.0"), ("b", "1.0"))
    records = [done_record(table.id, "a"), failed_record(table.id, "b")]
    assert [each.rows for each in training_curves(cells_of(table, records))] == [["a"]]


def test_titles_of_neighbouring_panels_do_not_run_into_each_other():
    lines = [Line("0", [1, 2, 3], [5.0, 3.0, 2.0])]
    chart = loss_chart([(LONG, lines)] * 8)
    shown = [text for text in texts_of(chart) if not re.fullmatch(r"[\d.−]+|Epoch|Loss", text)]
    assert shown and max(map(len, shown)) <= 24
    assert len(shown) == 8 * 2 and shown[1].endswith("…")


def test_readers_who_do_not_see_a_chart_are_told_where_its_values_stand(tmp_path):
    page = page_of(tmp_path, [done_record("mpn_ablation", "MPN")])
    said = dict(re.findall(r'role="img" aria-label="([^,"]*)[^:"]*: ([^"]*)"', page))
    assert said["mAP"] == "the values stand in the table and its receipts"
    assert said["Training curves"] == "the values stand under curves in the records listed below"
    assert "all under cmc in the records listed below" in said["CMC curves"]
    assert "Records used" in page


def test_maps_of_one_network_are_drawn_once(tmp_path):
    table = small_table(("a", "1.0"), ("b", "1.0"), ("c", "1.0"))
    records = [done_record(table.id, row) for row in "abc"]
    for record in records:
        keep_arrays(tmp_path / "results", record)
    other = tmp_path / "results" / records[2]["evaluation"] / "attention.npz"
    with np.load(other) as kept:
        np.savez(other, **{**kept, "maps": 255 - kept["maps"]})
    page = page_of(tmp_path, records, table)
    found = re.findall(r"<summary>([^<]*)</summary>\s*<template>\s*<div class=\"strips attention\">", page)
    assert found == ["a; b", "c"]
    assert page.count("data:image/webp") == 3 * 9 + 2 * 2


@pytest.mark.parametrize("dataset", ["synthetic", "synthetic_occluded"])
def test_the_sheets_caption_names_infrared_twins_only_where_there_are_some(tmp_path, dataset):
    record = done_record("mpn_ablation", "MPN", dataset)
    sheet = tmp_path / "results" / contact_sheet_path(record["receipt"]["passport"]["fingerprint"])
    sheet.parent.mkdir(parents=True)
    sheet.write_bytes(b"RIFF")
    page = page_of(tmp_path, [record])
    assert page.count("infrared twin") == (2 if dataset == "synthetic" else 0)
    assert EDITIONS[dataset].flavour.about in page
