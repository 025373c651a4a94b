"""Progress on a terminal.

Owns that it is drawn only where a person sees it; what is counted is left to the commands.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import click


@contextmanager
def progress_bar(label: str) -> Iterator[Callable[[int], Callable[[int], None]]]:
    """Yield what is told of the total and returns what is told of each step.

    On anything but a terminal nothing is drawn.
    """
    bar = None

    def start(total: int) -> Callable[[int], None]:
        nonlocal bar
        bar = click.progressbar(
            length=max(total, 1),
            label=label,
            file=sys.stderr,
            hidden=not sys.stderr.isatty(),
            show_pos=True,
        )
        bar.__enter__()
        return bar.update

    try:
        yield start
    finally:
        if bar is not None:
            bar.__exit__(None, None, None)


@contextmanager
def share_bar(label: str) -> Iterator[Callable[[float], None]]:
    """Yield what is told the part that is done, from 0 to 1; may be told in another thread.

    On anything but a terminal nothing is drawn.
    """
    steps = 1000
    with click.progressbar(
        length=steps, label=label, file=sys.stderr, hidden=not sys.stderr.isatty()
    ) as bar:

        def show(share: float) -> None:
            bar.update(max(0, round(share * steps) - bar.pos))

        yield show
        bar.update(steps - bar.pos)
