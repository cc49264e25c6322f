"""`--exec-on`: when a command is started, how often, as whom; and that nobody waits for it."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from dataclasses import replace

import pytest
from looking import snapshots
from streams import event, records

from tracer.analyze.model import Finding
from tracer.analyze.terms import Quality, Severity
from tracer.errors import UsageError
from tracer.jobs.exec_on import ExecOn, FindingCommand, finding_command
from tracer.live.model import Snapshot


def finding(number: int, kind: str = "storm", *, lasts: bool = False) -> Finding:
    return Finding(number, kind, Severity.WARNING, 1.0, 2.0, "text", Quality.MEASURED, open=lasts)


@pytest.fixture(scope="module")
def quiet() -> Snapshot:
    return snapshots(records(event(0, "wakeup_kswapd")), until_s=2)[-1]


class Clock:
    now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


class Starting(ExecOn):
    """Counts what it starts, and ends all of it."""

    def __init__(self, *words: str) -> None:
        self.clock = Clock()
        super().__init__(FindingCommand(frozenset({"storm"}), words, None), self.clock)
        self.started = 0

    def _start(self, told):
        self.started += 1
        return super()._start(told)

    def later(self, snapshot: Snapshot, *found: Finding) -> int:
        """How many were started for these findings, two seconds later."""
        before, self.clock.now_s = self.started, self.clock.now_s + 2.0
        self.looked(replace(snapshot, findings=found))
        return self.started - before

    def end(self) -> None:
        for process in self._running:
            process.wait(30)

    def kill(self) -> None:
        for process in self._running:
            process.send_signal(signal.SIGKILL)
            process.wait(30)


@pytest.fixture
def sleeping() -> Iterator[Starting]:
    starting = Starting("/bin/sleep", "1000")
    yield starting
    starting.kill()


def test_each_finding_is_told_once_and_one_that_was_open_again_when_it_is_over(quiet: Snapshot) -> None:
    true = Starting("/bin/true")
    assert true.later(quiet, finding(1, lasts=True), finding(2, "cycle")) == 1
    assert true.later(quiet, finding(1, lasts=True)) == 0
    assert true.later(quiet, finding(1)) == 1
    assert true.later(quiet, finding(1)) == 0
    true.end()
    assert true.told() == ""


def test_one_a_second_is_started_at_most_and_the_others_wait(quiet: Snapshot) -> None:
    true = Starting("/bin/true")
    assert true.later(quiet, *map(finding, range(10))) == 1
    true.end()
    assert true.told() == "--exec-on: 9 findings came too fast to be told"
    for _ in range(9):
        assert true.later(quiet, *map(finding, range(10))) == 1
        true.end()
    assert true.later(quiet, *map(finding, range(10))) == 0
    assert true.told() == ""


def test_what_waits_is_told_as_it_was_found_last(quiet: Snapshot) -> None:
    true = Starting("/bin/true")
    true.later(quiet, finding(2, lasts=True), finding(1))
    true.end()
    assert [true.later(quiet, finding(2)), true.later(quiet, finding(2))] == [1, 0]
    true.end()


def test_no_more_than_so_many_wait(quiet: Snapshot, sleeping: Starting) -> None:
    for number in range(4):
        sleeping.later(quiet, finding(number))
    sleeping.later(quiet, *map(finding, range(100, 170)))
    assert sleeping.left_out == 6


def test_commands_that_hang_are_not_waited_for_and_four_run_at_most(quiet: Snapshot, sleeping: Starting) -> None:
    assert sum(sleeping.later(quiet, finding(number)) for number in range(10)) == 4
    assert sleeping.told() == "--exec-on: 6 findings came too fast to be told"


def test_what_fails_is_counted(quiet: Snapshot) -> None:
    false, gone = Starting("/bin/false"), Starting("/nonexistent/program")
    false.later(quiet, finding(1))
    gone.later(quiet, finding(1))
    false.end()
    assert false.told() == gone.told() == "--exec-on: 1 command failed"


def test_under_sudo_it_is_the_users_who_ran_it_and_else_as_asked(monkeypatch) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root starts a command as another user")
    monkeypatch.setenv("SUDO_UID", "65534")
    monkeypatch.setenv("SUDO_USER", "nobody")
    assert finding_command({"storm"}, "true", None).user.uid == 65534
    assert finding_command({"storm"}, "true", "daemon").user.name == "daemon"
    monkeypatch.delenv("SUDO_UID")
    assert finding_command({"storm"}, "true", None).user is None


def test_what_cannot_be_run_is_refused(monkeypatch, tmp_path) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "here").write_text("#!/bin/sh\n")
    (tmp_path / "here").chmod(0o755)
    monkeypatch.setenv("PATH", f".:{os.environ['PATH']}")
    for text in ("here", "/nonexistent", "", str(tmp_path)):
        with pytest.raises(UsageError, match="--exec-on"):
            finding_command({"storm"}, text, None)
    with pytest.raises(UsageError, match="--exec-as nosuchuser: there is no user"):
        finding_command({"storm"}, "true", "nosuchuser")
