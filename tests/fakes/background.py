"""A fake server in a thread of its own, for tests that have no event loop.

Owns the loop and its thread; the fakes are ``tests.fakes``'.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractAsyncContextManager, contextmanager
from typing import Any, TypeVar

Fake = TypeVar("Fake")


class Background:
    """An event loop in a thread."""

    def __init__(self) -> None:
        self.loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self.loop.run_forever, name="fakes", daemon=True)

    def run(self, coroutine: Any, *, timeout_s: float = 10) -> Any:
        """Run ``coroutine`` in the loop and return its result."""
        return asyncio.run_coroutine_threadsafe(coroutine, self.loop).result(timeout_s)

    def call(self, function: Callable[[], object]) -> None:
        """Call ``function`` in the loop."""
        self.loop.call_soon_threadsafe(function)

    @contextmanager
    def serve(self, fake: AbstractAsyncContextManager[Fake]) -> Iterator[Fake]:
        """Serve ``fake`` until the end of the context."""
        self._thread.start()
        try:
            entered = self.run(fake.__aenter__())
            yield entered
            self.run(fake.__aexit__(None, None, None))
        finally:
            self.loop.call_soon_threadsafe(self.loop.stop)
            self._thread.join()
            self.loop.close()
