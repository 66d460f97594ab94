"""The templates of pages, with the words and the forms of numbers that they use."""

from __future__ import annotations

from functools import cache, partial
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from jinja2.utils import htmlsafe_json_dumps

import harness
from harness.reporting import wording
from harness.reporting.files_beside import chart_path, curve_path
from harness.reporting.states import STATES
from harness.reporting.typeset import typeset
from harness.results.sentences import computation_sentence, start_sentence

TEMPLATES = Path(__file__).parent / "templates"


@cache
def environment() -> Environment:
    """The templates, compiled once. What they print is escaped, and a name that is not given is an error."""
    made = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    for written in (
        *(wording.metric_name, wording.printed, wording.fixed, wording.significant, wording.signed, wording.bound),
        *(wording.count, wording.item, wording.plain_message, wording.plain_tick, wording.moment),
        *(typeset, start_sentence, computation_sentence),
    ):
        made.filters[written.__name__] = written
    made.filters["page_json"] = partial(htmlsafe_json_dumps, separators=(",", ":"))
    made.globals |= {
        "states": STATES,
        "claim_marks": wording.CLAIM_MARKS,
        "dash": wording.DASH,
        "version": harness.__version__,
        "chart_path": chart_path,
        "curve_path": curve_path,
    }
    return made
