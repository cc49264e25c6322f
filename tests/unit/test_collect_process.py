"""The recorder as a process: signals, the OOM shield, a command of its own."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tracer.collect.command import Command, OomShield
from tracer.collect.cpu_priority import CpuPriority, raise_session
from tracer.collect.session import Session
from tracer.collect.signals import StopSignals
from tracer.errors import UsageError

PYTHON = ["env", "--default-signal", sys.executable]
"""Whoever runs the tests may have signals ignored: nohup, a shell's background job."""
STOPPING = """
import os, signal, sys, time
from tracer.collect.signals import StopSignals
with StopSignals() as stop:
    os.kill(os.getpid(), signal.{signal})
    assert stop.received == signal.{signal}
    assert os.eventfd_read(stop.fd) == 1
    print("first noted", flush=True)
    if "{second}":
        os.kill(os.getpid(), signal.SIGINT)
assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL
assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
print("restored")
"""


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM"])
def test_the_first_signal_is_noted_and_handlers_are_restored(name: str) -> None:
    script = STOPPING.format(signal=name, second="")
    result = subprocess.run([*PYTHON, "-c", script], capture_output=True, text=True)
    assert (result.returncode, result.stdout) == (0, "first noted\nrestored\n"), result.stderr


def test_the_second_signal_aborts() -> None:
    script = STOPPING.format(signal="SIGTERM", second="yes")
    result = subprocess.run([*PYTHON, "-c", script], capture_output=True, text=True)
    assert result.stdout == "first noted\n"
    assert "KeyboardInterrupt" in result.stderr


def test_outside_its_block_signals_are_as_before() -> None:
    before = signal.getsignal(signal.SIGTERM)
    with StopSignals():
        assert signal.getsignal(signal.SIGTERM) != before
    assert signal.getsignal(signal.SIGTERM) == before


def test_the_oom_shield_gives_back_what_was_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    score = tmp_path / "oom_score_adj"
    score.write_text("200\n")
    monkeypatch.setattr("tracer.collect.command._OOM_SCORE_ADJ", score)
    shield = OomShield()
    for _ in range(2):
        shield.raise_()
        assert score.read_text() == "-1000"
        shield.lower()
        shield.lower()
        assert score.read_text() == "200"


def test_the_oom_shield_does_without_where_it_is_not_allowed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tracer.collect.command._OOM_SCORE_ADJ", tmp_path / "no" / "such")
    shield = OomShield()
    shield.raise_()
    shield.lower()


def in_a_thread(act: Callable[[], None]) -> None:
    """Do it in a thread of its own: whose nice value was lowered may not be allowed to have it back."""
    with ThreadPoolExecutor(1) as pool:
        pool.submit(act).result()


def test_the_priority_is_inherited_by_threads_and_given_back() -> None:
    def act() -> None:
        before, priority = os.nice(0), CpuPriority()
        for _ in range(2):
            priority.raise_()
            raised = os.nice(0)
            in_a_thread(lambda: inherited.append(os.nice(0)))
            priority.lower()
            priority.lower()
            assert os.nice(0) == before
            assert inherited[-1] == raised == (min(before, -10) if may_favour_itself() else before)

    inherited: list[int] = []
    in_a_thread(act)


def test_a_thread_that_is_favoured_more_already_stays_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.getpriority", lambda *_: -15)
    monkeypatch.setattr("os.setpriority", lambda *_: pytest.fail("its nice value was changed"))
    priority = CpuPriority()
    priority.raise_()
    priority.lower()


def test_the_priority_does_without_where_it_is_not_allowed(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: int) -> None:
        raise PermissionError

    monkeypatch.setattr("os.setpriority", refuse)
    priority = CpuPriority()
    priority.raise_()
    priority.lower()


@pytest.mark.parametrize(
    ("leads", "enabled", "written"), [(True, "1", "-10"), (True, "0", ""), (False, "1", ""), (True, None, "")]
)
def test_a_session_is_raised_by_who_leads_it_where_sessions_compete(
    leads: bool, enabled: str | None, written: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("os.getsid", lambda _: os.getpid() + (not leads))
    (tmp_path / "self").mkdir()
    (tmp_path / "self/autogroup").touch()
    if enabled is not None:
        (tmp_path / "sys/kernel").mkdir(parents=True)
        (tmp_path / "sys/kernel/sched_autogroup_enabled").write_text(f"{enabled}\n")
    raise_session(tmp_path)
    assert (tmp_path / "self/autogroup").read_text() == written


def may_favour_itself() -> bool:
    """Whether this process has CAP_SYS_NICE."""
    effective = re.search(r"^CapEff:\s+(\w+)", Path("/proc/self/status").read_text(), re.MULTILINE)
    return bool(int(effective[1], 16) >> 23 & 1) if effective else False


def test_a_command_starts_without_the_tracers_shield(monkeypatch: pytest.MonkeyPatch) -> None:
    # GIVEN a session's parts, each of which tells when it is used
    told: list[str] = []
    session = object.__new__(Session)
    session._privileges = (Teller("shield", told), Teller("priority", told))
    session._collector = Teller("collector", told)
    # WHEN it starts its command
    session._start(Teller("command", told))
    # THEN both are down meanwhile
    lowered, raised = ["shield.lower", "priority.lower"], ["shield.raise_", "priority.raise_"]
    assert told == [*lowered, "command.start", *raised, "collector.stop_when"]


class Teller:
    """Notes which of its methods are called."""

    pidfd = -1

    def __init__(self, name: str, told: list[str]) -> None:
        self._name, self._told = name, told

    def __getattr__(self, method: str) -> Callable[..., None]:
        return lambda *_: self._told.append(f"{self._name}.{method}")


def test_a_command_that_is_not_there_is_refused_before_anything_starts() -> None:
    with pytest.raises(UsageError, match="no-such-command-here: no such command"):
        Command(["no-such-command-here"])


def test_a_commands_status_is_its_own() -> None:
    command = Command(["sh", "-c", "exit 3"])
    assert command.status is None
    command.start()
    os.waitid(os.P_PID, command.pid, os.WEXITED | os.WNOWAIT)
    assert command.status == 3
    command.finish()


def test_a_command_still_running_is_told_to_end() -> None:
    command = Command(["sleep", "60"])
    command.start()
    command.finish()
    assert command.status == -signal.SIGTERM
    command.finish()


def test_a_command_that_ignores_it_is_left_alone_after_a_moment(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("tracer.collect.command.GRACE_S", 0.1)
    ready = tmp_path / "ready"
    os.mkfifo(ready)
    command = Command(["sh", "-c", f"trap '' TERM; echo > {ready}; exec sleep 60"])
    command.start()
    ready.read_text()
    command.finish()
    assert command.status is None
    assert command.pid is not None
    os.kill(command.pid, signal.SIGKILL)
    os.waitid(os.P_PID, command.pid, os.WEXITED | os.WNOWAIT)
    assert command.status == -signal.SIGKILL
