from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.workflows.workflow_runs import Bench, open_bench


@pytest.fixture
def bench() -> Iterator[Bench]:
    with open_bench() as opened:
        yield opened
