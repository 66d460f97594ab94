"""Files for papers: every chart and every table of a page, in forms that a paper takes."""

import csv
import io
import re
import shutil
import subprocess

import pytest

from harness.reporting.pages import write_report
from harness.tables import tables
from tests.records import done_record
from tests.reporting.test_pages import keep_arrays, small_table


@pytest.fixture(scope="module")
def report(tmp_path_factory):
    """The pages of a table with two measured rows, written once, and the files beside them by name."""
    folder = tmp_path_factory.mktemp("report")
    return folder / "report", written(folder, tables()["mpn_ablation"])


def written(tmp_path, table):
    """The files beside the page of a table with two measured rows, by name."""
    records = [done_record(table.id, row.key) for row in table.rows[:2]]
    for record in records:
        keep_arrays(tmp_path / "results", record)
    write_report(records, {table.id: table}, tmp_path / "results", tmp_path / "report")
    return {path.name: path for path in (tmp_path / "report" / "files").iterdir()}


def faults(latex):
    """What would stop LaTeX, or break its table: open groups, unescaped characters, lines of another width."""
    bare = re.sub(r"\\[\\&%$#_{}]", "", re.sub(r"(?m)^%.*$", "", latex))
    found = [] if bare.count("{") == bare.count("}") else ["braces"]
    found += [f"unescaped {symbol}" for symbol in "#%~" if symbol in re.sub(r"\\text\w+", "", bare)]
    found += ["environments"] if latex.count("\\begin{") != latex.count("\\end{") else []
    found += ["mathematics"] if bare.count("$") % 2 else []
    width = len(re.search(r"\\begin\{tabular\}\{(\w+)\}", latex).group(1))
    for line in re.findall(r"(?m)^(?!\\(?:begin|end|cmidrule|top|mid|bottom)|%)(.*?) \\\\$", latex):
        spans = [int(span) - 1 for span in re.findall(r"\\multicolumn\{(\d+)\}", line)]
        columns = len(re.split(r"(?<!\\)&", line)) + sum(spans)
        found += [f"{columns} of {width} columns: {line}"] if columns != width else []
    return found


def test_every_chart_and_table_has_its_files(report):
    _, names = report
    for chart in ("map", "cmc-curves", "training-curves"):
        assert {f"mpn_ablation-synthetic-demo-{chart}.{form}" for form in ("svg", "pdf")} <= names.keys()
    for stem in ("mpn_ablation", "mpn_ablation-synthetic-demo-cost", "mpn_ablation-synthetic-demo-claims"):
        assert {f"{stem}.{form}" for form in ("tex", "csv")} <= names.keys()


def test_a_page_links_the_files_of_its_charts(report):
    folder, names = report
    page = (folder / "mpn_ablation.html").read_text()
    links = re.findall(r'href="files/([^"]*)"', page)
    assert len(links) == 6 and set(links) <= names.keys()


def test_every_line_of_a_latex_table_has_all_its_columns(report, tmp_path):
    hostile = small_table((r"a & b_{c}^2 \d $x$ # 5 % ~", "1.0"), ("plain", "2.0"))
    for name, path in [*report[1].items(), *written(tmp_path, hostile).items()]:
        if name.endswith(".tex"):
            assert faults(path.read_text()) == [], name


def test_latex_of_all_published_tables_has_no_fault(tmp_path):
    write_report([], tables(), tmp_path / "results", tmp_path / "report")
    files = sorted((tmp_path / "report" / "files").glob("*.tex"))
    assert {path.stem for path in files} == tables().keys()
    assert {path.name: found for path in files if (found := faults(path.read_text()))} == {}


def test_a_csv_can_be_read_back_line_by_line(report):
    for name, path in report[1].items():
        if name.endswith(".csv"):
            lines = list(csv.reader(io.StringIO(path.read_text())))
            assert len({len(line) for line in lines}) == 1 and len(lines) > 1, name


@pytest.mark.slow
@pytest.mark.skipif(
    shutil.which("pdflatex") is None, reason="no LaTeX on this machine: apt-get install texlive-latex-recommended"
)
def test_latex_compiles_every_table(report, tmp_path):
    write_report(
        [],
        {name: each for name, each in tables().items() if name != "mpn_ablation"},
        tmp_path / "results",
        tmp_path / "report",
    )
    files = sorted(each for folder in (report[0], tmp_path / "report") for each in (folder / "files").glob("*.tex"))
    inputs = "\n".join(f"\\input{{{path}}}\\clearpage" for path in files)
    packages = "\\documentclass[a3paper,landscape]{article}\\usepackage{booktabs}"
    text = f"{packages}\\begin{{document}}\\tiny {inputs}\\end{{document}}"
    (tmp_path / "all.tex").write_text(text)
    asked = ["pdflatex", "-halt-on-error", "-interaction=nonstopmode", "all.tex"]
    run = subprocess.run(asked, cwd=tmp_path, capture_output=True, text=True, errors="replace")
    assert run.returncode == 0, run.stdout[-2000:]
