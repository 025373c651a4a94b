import pytest

from gui.view_models.server_state import (
    ServerState,
    describe_exit,
    describe_failed_start,
    describe_other_program,
    describe_silence,
)


@pytest.mark.parametrize(
    ("code", "words"),
    [
        (2, "how it was started"),
        (3, "setting"),
        (4, "port"),
        (5, "data folder"),
        (1, "exit code 1"),
        (-9, "signal 9"),
    ],
)
def test_each_exit_says_what_happened_and_what_to_do(code, words):
    problem = describe_exit(code, ("last words",))
    assert words in problem.summary
    assert problem.remedy
    assert problem.console_tail == ("last words",)


def test_a_program_that_is_not_there_is_named():
    problem = describe_failed_start(FileNotFoundError(2, "No such file"), "/opt/csai")
    assert "/opt/csai" in problem.remedy
    assert problem.console_tail == ("No such file",)


def test_another_program_and_silence_name_the_address():
    assert "127.0.0.1:8081" in describe_other_program("http://127.0.0.1:8081").summary
    here = describe_silence("http://127.0.0.1:8081", is_local=True)
    there = describe_silence("http://10.0.0.2:8081", is_local=False)
    assert "127.0.0.1:8081" in here.summary
    assert here.remedy != there.remedy


def test_only_what_a_panel_has_started_can_be_stopped():
    stoppable = {
        (phase, origin)
        for phase in ("looking", "starting", "running", "stopping", "stopped", "lost")
        for origin in ("here", "earlier", "elsewhere")
        if ServerState(phase, origin).can_stop
    }
    assert stoppable == {
        ("starting", "here"),
        ("starting", "earlier"),
        ("running", "here"),
        ("running", "earlier"),
    }
