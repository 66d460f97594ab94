"""The README of a method, for its page: the paper in a paragraph, and what was open and chosen."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from markdown_it import MarkdownIt
from markdown_it.token import Token
from markupsafe import Markup

from harness import registry

FILE = "README.md"


@dataclass(frozen=True)
class Section:
    """One section below a heading of the second level."""

    title: str
    text: Markup


@dataclass(frozen=True)
class Readme:
    """``summary`` is the first paragraph; ``sections`` are those that begin with a heading of the second level."""

    summary: Markup
    sections: tuple[Section, ...]


def method_readme(method_id: str) -> Readme | None:
    """The README in a method's folder; None where it has none that can be read."""
    try:
        return parse_readme((registry.folders()[method_id] / FILE).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None


def parse_readme(text: str) -> Readme:
    """The parts of a README. HTML in it is shown as text, and of a link only its words: pages lead nowhere else."""
    markdown = _markdown()
    tokens = markdown.parse(text)
    headings = [place for place, token in enumerate(tokens) if token.type == "heading_open" and token.tag == "h2"]
    sections = [
        Section(tokens[begin + 1].content, _render(markdown, tokens[begin + 3 : end]))
        for begin, end in zip(headings, [*headings[1:], len(tokens)], strict=True)
    ]
    opening = tokens[: headings[0] if headings else len(tokens)]
    first = next((place for place, token in enumerate(opening) if token.type == "paragraph_open"), None)
    summary = Markup() if first is None else _render(markdown, opening[first : first + 3])
    return Readme(summary, tuple(sections))


def _markdown() -> MarkdownIt:
    markdown = MarkdownIt("commonmark", {"html": False}).enable("table")
    markdown.disable(["image", "html_block", "html_inline"])
    for rule in ("link_open", "link_close"):
        markdown.add_render_rule(rule, _nothing)
    return markdown


def _nothing(*_: object) -> str:
    return ""


def _render(markdown: MarkdownIt, tokens: Sequence[Token]) -> Markup:
    return Markup(markdown.renderer.render(tokens, markdown.options, {}))
