"""What a user sees while it works: a live view on a terminal, plain lines elsewhere."""

from __future__ import annotations

import sys
from collections.abc import Callable
from types import TracebackType

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn


class Watch:
    """Two bars, the whole (``steps`` of ``what``) and what is under way, with the time left; off a terminal, lines.

    ``above`` draws what is to be seen above the bars, anew several times a second.
    """

    def __init__(
        self, steps: int, what: str = "runs and cells", above: Callable[[], RenderableType] | None = None
    ) -> None:
        self.console = Console(file=sys.stderr, highlight=False, soft_wrap=True)
        self.above = above
        self.bars: Progress | None = None
        self.current: TaskID | None = None
        if self.console.is_terminal:
            columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
            self.bars = Progress(*columns, console=self.console)
            self.overall = self.bars.add_task(what, total=steps)
            self.view = Live(console=self.console, get_renderable=self._drawn)

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
        """One line, above all that is drawn."""
        self.console.print(line, markup=False)

    def begin(self, what: str, total: int, done: int = 0) -> None:
        """Start the inner bar for ``total`` epochs or images."""
        if self.bars:
            if self.current is not None:
                self.bars.remove_task(self.current)
            self.current = self.bars.add_task(what, total=total, completed=done)
        else:
            self.say(what)

    def advance(self, done: int, line: str = "") -> None:
        """Set the inner bar to ``done``; off a terminal print ``line`` if there is one."""
        if self.bars and self.current is not None:
            self.bars.update(self.current, completed=done)
        elif line:
            self.say(line)

    def step(self, line: str) -> None:
        """One run or cell is finished."""
        self.say(line)
        if self.bars:
            self.bars.advance(self.overall)

    def _drawn(self) -> RenderableType:
        assert self.bars
        return Group(self.above(), self.bars) if self.above else self.bars
