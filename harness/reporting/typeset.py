"""Names of rows as the papers set them: ``f_g5^Hard`` with its sub- and superscript, ``lambda_cl`` with a λ."""

from __future__ import annotations

import re

from markupsafe import Markup, escape

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
    parts, end = [], 0
    for found in SYMBOL.finditer(name):
        if found["sub"] is None and found["sup"] is None:
            continue
        parts += [escape(name[end : found.start()]), _symbol(found)]
        end = found.end()
    return Markup("").join([*parts, escape(name[end:])])


def _symbol(found: re.Match[str]) -> Markup:
    base = GREEK.get(found["base"], found["base"])
    letter = Markup("<i>{}</i>").format(base) if len(base) == 1 else escape(base)
    sub = Markup("<sub>{}</sub>").format(found["sub"]) if found["sub"] else ""
    sup = Markup("<sup>{}</sup>").format(found["sup"]) if found["sup"] else ""
    if sub and sup:
        return letter + Markup('<span class="scripts">{}{}</span>').format(sup, sub)
    return letter + sub + sup
