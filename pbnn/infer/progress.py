"""A progress bar with the time left, on a terminal or in a notebook."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from typing import Protocol


class Bar(Protocol):
    """What a method tells while it runs; safe to call from several threads."""

    def advance(self, n: int, note: str = "") -> None:
        """Count `n` more steps, and show a note beside the bar."""


class _Silent:
    def advance(self, n: int, note: str = "") -> None:
        pass


class _Rich:
    def __init__(self, progress, task):
        self._progress, self._task = progress, task

    def advance(self, n: int, note: str = "") -> None:
        fields = {"note": note} if note else {}
        self._progress.update(self._task, advance=n, **fields)


def _visible() -> bool:
    # In a notebook, rich draws its bar with ipywidgets.
    in_notebook = "ipykernel" in sys.modules and find_spec("ipywidgets") is not None
    return sys.stderr.isatty() or in_notebook


@contextmanager
def progress_bar(title: str, total: int, *, show: bool) -> Iterator[Bar]:
    """Show a bar of `total` steps while the block runs, unless `show` is false or nobody looks."""
    if not (show and _visible()):
        yield _Silent()
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

    columns = [
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.percentage:>3.0f} %"),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
        TextColumn("{task.fields[note]}"),
    ]
    with Progress(*columns, console=Console(stderr=True)) as progress:
        yield _Rich(progress, progress.add_task(title, total=total, note=""))
