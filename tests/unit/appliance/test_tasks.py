from __future__ import annotations

import asyncio

import pytest
import structlog

from appliance.tasks import TaskGroup


async def test_a_task_is_kept_and_named_until_it_ends() -> None:
    tasks, gate = TaskGroup(), asyncio.Event()
    task = tasks.start(gate.wait(), name="wait-for-gate")
    assert (len(tasks), task.get_name()) == (1, "wait-for-gate")
    gate.set()
    assert await task is True
    await asyncio.sleep(0)
    assert len(tasks) == 0


async def test_a_failing_task_is_logged_and_its_siblings_go_on() -> None:
    tasks, gate = TaskGroup(), asyncio.Event()

    async def fail() -> None:
        raise ZeroDivisionError

    sibling = tasks.start(gate.wait(), name="sibling")
    with structlog.testing.capture_logs() as logs:
        failing = tasks.start(fail(), name="failing")
        await asyncio.wait({failing})
        await asyncio.sleep(0)
    assert [(entry["event"], entry["task"]) for entry in logs] == [
        ("background_task_failed", "failing")
    ]
    assert isinstance(logs[0]["exc_info"], ZeroDivisionError)
    assert not sibling.done()
    gate.set()
    await tasks.drain(timeout_s=5)
    assert sibling.result() is True


async def test_draining_lets_tasks_end_by_themselves() -> None:
    tasks, gate = TaskGroup(), asyncio.Event()
    task = tasks.start(gate.wait(), name="short")
    asyncio.get_running_loop().call_soon(gate.set)
    await tasks.drain(timeout_s=5)
    assert task.result() is True


async def test_draining_cancels_what_does_not_end_and_waits_for_its_clean_up() -> None:
    tasks = TaskGroup()
    cleaned: list[str] = []

    async def endless() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(0)
            cleaned.append("up")

    task = tasks.start(endless(), name="endless")
    await asyncio.sleep(0)
    with structlog.testing.capture_logs() as logs:
        await tasks.drain(timeout_s=0)
    assert task.cancelled()
    assert cleaned == ["up"]
    assert logs == []
    assert len(tasks) == 0


async def test_a_task_started_by_one_that_ends_is_drained_too() -> None:
    """A turn that is ended may still start a write, and a write that began is finished."""
    tasks = TaskGroup()
    done: list[str] = []

    async def write() -> None:
        for _ in range(100):
            await asyncio.sleep(0)
        done.append("written")

    async def turn() -> None:
        await asyncio.sleep(0)
        tasks.start(write(), name="write")

    tasks.start(turn(), name="turn")
    await tasks.drain(timeout_s=5)
    assert done == ["written"]
    assert len(tasks) == 0


async def test_a_task_started_by_one_that_is_cancelled_does_not_outlive_the_drain() -> None:
    tasks = TaskGroup()
    late: list[asyncio.Task[bool]] = []

    async def stubborn() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            late.append(tasks.start(asyncio.Event().wait(), name="late"))

    tasks.start(stubborn(), name="stubborn")
    await asyncio.sleep(0)
    await tasks.drain(timeout_s=0)
    assert [task.cancelled() for task in late] == [True]


async def test_draining_nothing_is_nothing() -> None:
    await TaskGroup().drain(timeout_s=0)


async def test_work_outside_a_running_loop_is_an_error_at_once() -> None:
    async def work() -> None: ...

    coroutine = work()
    with pytest.raises(RuntimeError):
        await asyncio.to_thread(TaskGroup().start, coroutine, name="elsewhere")
    coroutine.close()


async def read_request_id() -> str | None:
    await asyncio.sleep(0)
    found: str | None = structlog.contextvars.get_contextvars().get("request_id")
    return found


async def test_a_background_task_is_of_no_request_and_a_callers_own_is_of_the_callers() -> None:
    tasks = TaskGroup()
    with structlog.contextvars.bound_contextvars(request_id="r1"):
        anyones = tasks.start(read_request_id(), name="anyones")
        own = tasks.start_for_caller(read_request_id(), name="own")
    with structlog.contextvars.bound_contextvars(request_id="r2"):
        assert (await anyones, await own) == (None, "r1")


async def test_the_failure_of_a_task_is_logged_with_the_request_it_belongs_to() -> None:
    tasks = TaskGroup()

    async def fail() -> None:
        raise ZeroDivisionError

    with structlog.testing.capture_logs(
        processors=[structlog.contextvars.merge_contextvars]
    ) as logs:
        with structlog.contextvars.bound_contextvars(request_id="r1"):
            failing = {
                tasks.start(fail(), name="anyones"),
                tasks.start_for_caller(fail(), name="own"),
            }
        await asyncio.wait(failing)
        await asyncio.sleep(0)
    assert {(entry["task"], entry.get("request_id")) for entry in logs} == {
        ("anyones", None),
        ("own", "r1"),
    }
