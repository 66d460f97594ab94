"""Progress shown to the user: live bars on a terminal, plain lines elsewhere.

Importing this imports no rich, so that code which only reports progress stays light.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from types import TracebackType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.progress import Progress as Bars
    from rich.progress import TaskID

Progress = Callable[[int, int], None]
"""Called with (done, total): images, or bytes."""


class Watch:
    """Two bars with the time left: all ``steps`` (of ``what``), and the current step. Off a terminal, plain lines.

    ``above`` is called several times per second for what to draw above the bars.
    """

    def __init__(
        self, steps: int, what: str = "runs and cells", above: Callable[[], RenderableType] | None = None
    ) -> None:
        from rich.console import Console
        from rich.live import Live
        from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
        from rich.progress import Progress as Bars

        self.console = Console(file=sys.stderr, highlight=False, soft_wrap=True)
        self.above = above
        self.bars: Bars | None = None
        self.current: TaskID | None = None
        if self.console.is_terminal:
            columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
            self.bars = Bars(*columns, console=self.console)
            self.overall = self.bars.add_task(what, total=steps)
            self.view = Live(console=self.console, get_renderable=self._draw)

    def __enter__(self) -> Watch:
        if self.bars:
            self.view.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.bars:
            self.view.stop()

    def say(self, line: str) -> None:
        """Print one line, above the bars."""
        self.console.print(line, markup=False)

    def begin(self, what: str, total: int, done: int = 0) -> None:
        """Start the bar of the current step: ``total`` epochs or images."""
        if self.bars:
            if self.current is not None:
                self.bars.remove_task(self.current)
            self.current = self.bars.add_task(what, total=total, completed=done)
        else:
            self.say(what)

    def advance(self, done: int, line: str = "") -> None:
        """Set the bar of the current step to ``done``. Off a terminal, print ``line`` if there is one."""
        if self.bars and self.current is not None:
            self.bars.update(self.current, completed=done)
        elif line:
            self.say(line)

    def step(self, line: str) -> None:
        """Count one run or cell as finished, and print ``line``."""
        self.say(line)
        if self.bars:
            self.bars.advance(self.overall)

    def _draw(self) -> RenderableType:
        from rich.console import Group

        assert self.bars
        return Group(self.above(), self.bars) if self.above else self.bars


def duration(seconds: float) -> str:
    """A time in words, in the unit that reads best."""
    minutes, hours = seconds / 60, seconds / 3600
    if minutes < 2:
        return f"{seconds:.0f} s"
    if hours < 2:
        return f"{minutes:.0f} min"
    return f"{hours:.1f} h" if hours < 100 else f"{hours / 24:,.0f} days"
