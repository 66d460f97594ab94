"""The examples in docstrings run and print what they show."""

import doctest
from importlib import import_module

import pytest

EXAMPLES = {
    "harness.evaluation.own_features": ["score_file"],
    "harness.evaluation.reranking": ["rerank"],
    "harness.evaluation.scoring": ["evaluate", "score"],
    "harness.evaluation.verdicts": ["judge"],
    "harness.training.optimisation": ["rate_factor"],
}


@pytest.mark.parametrize("module", EXAMPLES)
def test_every_example_in_a_docstring_prints_what_it_shows(module):
    found = import_module(module)
    for function in EXAMPLES[module]:
        assert ">>>" in getattr(found, function).__doc__
    outcome = doctest.testmod(found)
    assert outcome.attempted and not outcome.failed
