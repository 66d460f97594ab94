"""The report's copies of a table, in LaTeX and CSV: every figure of the page, escaped and unrounded."""

import csv
import io
from collections import Counter

import pytest

from harness.datasets.base import Passport
from harness.reporting.complexity import complexity_csv, complexity_latex, complexity_table
from harness.reporting.copies import latex, long_csv
from harness.reporting.counts import count_table, counts_csv, counts_latex
from harness.reporting.layout import lay_out
from harness.reporting.pages import write_report
from harness.reporting.tabular import CSV_HEADER, escape_latex
from harness.results.store import Store
from harness.tables import tables
from tests.records import done_record, measured_table
from tests.reporting.test_pages import cost_table, page_of, small_table

FOUND = {
    "market1501": {"variant": "official", "counts": {"train_ids": 751, "train_images": 12_930, "query_ids": 750}},
    "synthetic": {"variant": "seed 0", "counts": {"train_ids": 100, "train_images": 1200}},
}
"""Records of counts, with six training images of Market-1501 missing."""


def lines_of(text):
    """CSV lines by row, column of the paper and metric."""
    return {(line["row"], line["dataset"], line["metric"]): line for line in csv.DictReader(io.StringIO(text))}


def test_latex_compiles_what_it_prints():
    assert escape_latex("50% & $x_1$ #{~^\\}") == (
        r"50\% \& \$x\_1\$ \#\{\textasciitilde{}\textasciicircum{}\textbackslash{}\}"
    )
    table = small_table(("a_b & c", "95.80"), ("d", ""))
    records = [done_record(table.id, "a_b & c", "market1501", "budget", seed, {"map": 90 + seed}) for seed in (0, 1)]
    lines = latex(lay_out(table, records)).splitlines()
    assert r"a\_b \& c & 95.80 & 90.50 $\pm$ 0.71$^{\ast}$ \\" in lines
    assert r"d & -- & not run \\" in lines
    assert r"\cmidrule(lr){2-2}\cmidrule(lr){3-3}" in lines
    columns = Counter(line.replace(r"\&", "").count("&") for line in lines if line.endswith(r"\\"))
    assert columns == {2: 5, 0: 1}  # The reasons stand over all columns.


def test_a_latex_figure_that_is_not_comparable_says_so_and_why():
    table = small_table(("a", "95.8"), ("b", "95.8"))
    good = done_record(table.id, "a", "market1501", "paper", reasons=())
    short = [
        done_record(table.id, row, "market1501", "budget", reasons=("budget profile", "2 % of it")) for row in "ab"
    ]
    lines = latex(lay_out(table, [good, *short])).splitlines()
    assert r"a & 95.8 & 41.2 & 41.2$^{\ast}$ \\" in lines
    assert r"b & 95.8 & not run & 41.2$^{\ast}$ \\" in lines
    why = r"$^{\ast}$ not comparable: budget profile; 2 \% of it"
    assert rf"\multicolumn{{4}}{{p{{0.9\linewidth}}}}{{{why}}} \\" in lines
    assert r"\ast" not in latex(lay_out(table, [good]))


def test_a_csv_figure_that_is_not_comparable_says_why():
    table = small_table(("a", "95.8"))
    record = done_record(table.id, "a", "market1501", "budget", reasons=("budget profile", "one, or two"))
    found = lines_of(long_csv(lay_out(table, [record])))
    assert found["a", "market1501", "map"]["reason"] == "budget profile; one, or two"


def test_every_line_of_a_csv_has_all_columns():
    counted = counts_csv("t", count_table(tables()["pgfl_kd_datasets"], FOUND))
    for text in (counted, long_csv(lay_out(cost_table(), [done_record("mpn_ablation", "a", "market1501")]))):
        assert {len(line) for line in csv.reader(io.StringIO(text))} == {len(CSV_HEADER)}


def test_csv_has_one_figure_a_line():
    table = small_table(("a", "95.80"), ("b", ""))
    record = done_record(table.id, "a", "market1501", "budget", metrics={"map": 90.25})
    rows = list(csv.DictReader(io.StringIO(long_csv(lay_out(table, [record])))))
    first, second = rows
    assert (first["published"], first["measured"], first["difference"]) == ("95.80", "90.25", "-5.55")
    assert (first["low95"], first["high95"], first["verdict"]) == ("88.25", "92.75", "not comparable")
    assert (second["row"], second["published"], second["measured"], second["verdict"]) == ("b", "", "", "not run")


def test_every_published_figure_is_in_its_tables_csv():
    for table in tables().values():
        rows = list(csv.DictReader(io.StringIO(long_csv(lay_out(table, [])))))
        listed = {(row["row"], row["dataset"], row["metric"]): row["published"] for row in rows}
        for row in table.rows:
            for dataset, figures in row.published.items():
                for metric, figure in figures.items():
                    expected = "" if figure is None else f"{figure:.{figure.decimals}f}"
                    assert listed[row.key, dataset, metric] == expected


def test_copies_of_a_table_hold_its_measured_costs():
    record = done_record("mpn_ablation", "a", "market1501", "paper", reasons=())
    layout = lay_out(cost_table(), [record])
    assert r"a & 50.0 & 2.0 & 0.50 & 0.08 & 41.2 & 4.123 & 0.123 & 0.0044 \\" in latex(layout).splitlines()
    rows = {(row["row"], row["metric"]): row for row in csv.DictReader(io.StringIO(long_csv(layout)))}
    assert rows["a", "time_s"]["published"] == "0.08" and rows["a", "time_s"]["measured"] == "0.0044"
    assert rows["a", "time_s"]["verdict"] == "" and rows["b", "time_s"]["verdict"] == "not run"


def test_copies_of_a_table_of_datasets_hold_what_was_found():
    table = tables()["pgfl_kd_datasets"]
    counted = count_table(table, FOUND)
    lines = counts_latex(counted).splitlines()
    market = next(line for line in lines if line.startswith("Market-1501"))
    assert market.startswith("Market-1501 [53] & 751 & 751 & 12,936 & 12,930 & 750 & -- & ")
    assert "(in a demo, for Market-1501 and DukeMTMC-reID) & -- & 100 & -- & 1,200 & " in "\n".join(lines)
    columns = Counter(line.count("&") for line in lines if line.endswith(r"\\"))
    assert set(columns) == {6, 12}  # Headings over pairs, then the pairs.
    found = lines_of(counts_csv(table.id, counted))
    images = found["Market-1501 [53]", "market1501", "train_images"]
    assert (images["published"], images["measured"], images["difference"]) == ("12936", "12930", "-6")
    assert found["Market-1501 [53]", "market1501", "train_ids"]["difference"] == "0"
    assert found["Market-1501 [53]", "market1501", "query_images"]["measured"] == ""
    assert [line["measured"] for (_, dataset, metric), line in found.items() if dataset == "synthetic"][:2] == [
        "100",
        "1200",
    ]


def test_latex_of_a_table_of_datasets_has_no_empty_columns_where_nothing_was_found():
    lines = counts_latex(count_table(tables()["pgfl_kd_datasets"], {})).splitlines()
    assert any(line.startswith("Market-1501 [53] & 751 & 12,936 & 750 & 19,732 & 750 & 3,368 ") for line in lines)


def test_copies_of_a_table_of_complexity_hold_what_was_measured(tmp_path):
    table = tables()["mpn_complexity"]
    record = measured_table(table.id, [row.key for row in table.rows if row.runs])
    lines = complexity_latex(complexity_table(table, record)).splitlines()
    assert r"MGN [7] & 68.8 & 26.66 & 800.0 & 1.95 & 1.00 & 68.8 & 26.66 & 250.0 & 2.43 & 1.00 \\" in lines
    assert r"DSA-reID [10] & 187.8 & -- & -- & 4.18 & -- & 38.5 & -- & -- & 1.10 & -- \\" in lines
    assert {len(line) for line in csv.reader(io.StringIO(complexity_csv(table, record)))} == {len(CSV_HEADER)}
    found = lines_of(complexity_csv(table, record))
    time = found["MGN [7]", "training", "time_ms"]
    assert (time["published"], time["measured"]) == ("16.2", "800")
    assert found["DSA-reID [10]", "testing", "params_m"]["measured"] == ""
    Store(tmp_path / "results").write_measured_table(record)
    page = page_of(tmp_path, [], table)
    assert "mpn_complexity,,MGN [7],training,,time_ms,16.2,800," in page
    assert "· measured<" in index_line(tmp_path / "report", table.id)
    # The first row's note stands beside its name.
    assert 'PCB [19]<details class="row-note"><summary>note</summary>' in page


def test_the_page_of_a_table_of_datasets_offers_the_found_counts_to_copy(tmp_path):
    table = tables()["pgfl_kd_datasets"]
    for dataset, record in FOUND.items():
        Store(tmp_path).write_counts(Passport(dataset, record["variant"], "f" * 64, record["counts"]))
    page = write_report([], {table.id: table}, tmp_path, tmp_path / "report")[0]
    text = page.read_text(encoding="utf-8")
    assert "Market-1501 [53] &amp; 751 &amp; 751 &amp; 12,936 &amp; 12,930" in text
    assert "Market-1501 [53],market1501,,train_images,12936,12930," in text
    assert "· counted<" in index_line(tmp_path / "report", table.id)


@pytest.mark.parametrize(
    ("table_id", "said"),
    [
        ("mpn_complexity", "not measured yet"),
        ("pgfl_kd_speed", "not measured yet"),
        ("pgfl_kd_datasets", "not counted yet"),
    ],
)
def test_the_index_says_how_tables_without_cells_stand(tmp_path, table_id, said):
    write_report([], {table_id: tables()[table_id]}, tmp_path, tmp_path / "report")
    assert f"· {said}<" in index_line(tmp_path / "report", table_id)


def index_line(folder, table_id):
    """A table's line of the index."""
    text = (folder / "index.html").read_text(encoding="utf-8")
    return text[text.index(f'data-table="{table_id}"') :].split("</li>")[0]
