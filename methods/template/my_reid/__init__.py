"""my_reid: the title of your paper (where it appeared)."""

from __future__ import annotations

from harness.method import Method

from .recipe import recipe
from .switches import MySwitches


def embedding(switches: MySwitches) -> str:
    """Name of the feature that is ranked, among those that ``embed`` gives."""
    return "feature"


METHOD = Method(
    id="my_reid",
    switches=MySwitches,
    # __name__ is this package: my_reid, or methods.my_reid in this repository.
    model=f"{__name__}.model:MyModel",
    recipe=recipe,
    embedding=embedding,
)

build = METHOD.build
