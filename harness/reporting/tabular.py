"""Tables as LaTeX (booktabs) and as CSV (one figure per line).

The LaTeX is written here: pandas' Styler.to_latex has no ``\\cmidrule(lr)`` under groups of columns and no remark line,
and merges the equal titles of neighbouring groups.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

_LATEX = {
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "°": r"$^\circ$",
    "×": r"$\times$",
    "–": "--",
    "−": "$-$",
    "±": r"$\pm$",
    "∗": r"$^{\ast}$",
} | {symbol: "\\" + symbol for symbol in "&%$#_{}"}

CSV_HEADER = (
    *("table", "group", "row", "dataset", "profile", "metric", "published"),
    *("measured", "spread", "seeds", "low95", "high95", "difference", "verdict", "reason"),
)

Block = tuple[str, str, Sequence[str]]
"""Adjacent columns: their title, their source (``measured, demo``; may be empty), and their names."""


def escape_latex(text: str) -> str:
    """Text escaped for LaTeX (UTF-8 input)."""
    return "".join(_LATEX.get(symbol, symbol) for symbol in text)


def booktabs(corner: str, blocks: Sequence[Block], rows: Iterable[Sequence[str]], remark: str = "") -> str:
    """A ``tabular`` with two lines of headings above the columns' names.

    Args:
        corner: Name of the first column.
        blocks: The other columns.
        rows: Cells of each row, its name first.
        remark: Text below the last row, across all columns.
    """
    widths = [len(names) for _, _, names in blocks]
    sources = [source for _, source, _ in blocks]
    lines = [
        "% needs \\usepackage{booktabs}",
        f"\\begin{{tabular}}{{l{'r' * sum(widths)}}}",
        "\\toprule",
        _spanning([title for title, _, _ in blocks], widths),
        *([_spanning(sources, widths)] if any(sources) else []),
        _cmidrules(widths),
        _line([corner, *(name for _, _, names in blocks for name in names)]),
        "\\midrule",
        *(_line(row) for row in rows),
    ]
    if remark:
        lines += [
            "\\midrule",
            f"\\multicolumn{{{1 + sum(widths)}}}{{p{{0.9\\linewidth}}}}{{{escape_latex(remark)}}} \\\\",
        ]
    return "\n".join([*lines, "\\bottomrule", "\\end{tabular}", ""])


def plain_booktabs(headings: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A ``tabular`` with one line of headings."""
    lines = [
        "% needs \\usepackage{booktabs}",
        f"\\begin{{tabular}}{{l{'r' * (len(headings) - 1)}}}",
        "\\toprule",
        _line(headings),
        "\\midrule",
        *(_line(row) for row in rows),
        "\\bottomrule",
        "\\end{tabular}",
    ]
    return "\n".join([*lines, ""])


def plain_csv(headings: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Lines of text below ``headings``."""
    # Here, so that a page without tables needs no pandas.
    import pandas as pd

    return pd.DataFrame(list(rows), columns=list(headings)).to_csv(index=False, lineterminator="\n")


def csv_text(lines: Iterable[Sequence[str]]) -> str:
    """``lines`` of figures below the header of all tables."""
    return plain_csv(CSV_HEADER, lines)


def _line(values: Sequence[str]) -> str:
    return " & ".join(escape_latex(value) for value in values) + r" \\"


def _spanning(titles: Sequence[str], widths: Sequence[int]) -> str:
    spans = [
        f"\\multicolumn{{{width}}}{{c}}{{{escape_latex(title)}}}" for title, width in zip(titles, widths, strict=True)
    ]
    return " & ".join(["", *spans]) + r" \\"


def _cmidrules(widths: Sequence[int]) -> str:
    rules, left = [], 2
    for width in widths:
        rules.append(f"\\cmidrule(lr){{{left}-{left + width - 1}}}")
        left += width
    return "".join(rules)
