"""Names of rows as the papers set them: ``f_g5^Hard`` with its sub- and superscript, ``lambda_cl`` with a λ."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from markupsafe import Markup, escape

if TYPE_CHECKING:
    from matplotlib.text import Text

SYMBOL = re.compile(
    r"(?<![\w^])(?P<base>[A-Za-z]|lambda|res)"
    r"(?:_(?P<sub>[A-Za-z0-9]+))?"
    r"(?:\^(?P<sup>\([A-Za-z0-9]+\)|[A-Za-z0-9]+))?"
    r"(?![\w^])"
)
"""A symbol of one letter (or ``lambda``, ``res``) with a subscript, a superscript or both."""
GREEK = {"lambda": "λ"}


def typeset(name: str) -> Markup:
    """The name of a row for a page. Everything but its symbols is text."""
    return Markup("").join(_page_symbol(part) if isinstance(part, re.Match) else escape(part) for part in _parts(name))


def set_name(text: Text, name: str) -> None:
    """Let a text of a chart show the name of a row. Everything but its symbols is text, dollar signs too."""
    parts = (_chart_symbol(part) if isinstance(part, re.Match) else part.replace("$", r"\$") for part in _parts(name))
    text.set_parse_math(True)
    text.set_text("".join(parts))


def _parts(name: str) -> Iterator[str | re.Match[str]]:
    """The symbols of a name, and the text before, between and after them."""
    end = 0
    for found in SYMBOL.finditer(name):
        if found["sub"] is not None or found["sup"] is not None:
            yield name[end : found.start()]
            yield found
            end = found.end()
    yield name[end:]


def _chart_symbol(found: re.Match[str]) -> str:
    """In matplotlib's mathematical notation."""
    base = GREEK.get(found["base"], found["base"])
    letter = base if len(base) == 1 else rf"\mathrm{{{base}}}"
    scripts = (("_", found["sub"]), ("^", found["sup"]))
    return f"${letter}" + "".join(rf"{mark}{{\mathrm{{{script}}}}}" for mark, script in scripts if script) + "$"


def _page_symbol(found: re.Match[str]) -> Markup:
    base = GREEK.get(found["base"], found["base"])
    letter = Markup("<i>{}</i>").format(base) if len(base) == 1 else escape(base)
    sub = Markup("<sub>{}</sub>").format(found["sub"]) if found["sub"] else ""
    sup = Markup("<sup>{}</sup>").format(found["sup"]) if found["sup"] else ""
    if sub and sup:
        return letter + Markup('<span class="scripts">{}{}</span>').format(sup, sub)
    return letter + sub + sup
