"""`live` while much is reclaimed: a family of files that is followed as it grows, and a view that is stopped."""

from __future__ import annotations

import json
import os
import queue
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from bench.reclaim import LIMIT_BYTES, waiting
from command_line import ENV, ROOT, run

from tracer.kernel.cgroup import find_memory_controller

pytestmark = pytest.mark.usefixtures("bcc")

TRACER = (sys.executable, "-m", "tracer")
PATIENCE_S = 120.0
FILES, MOST_LOADS = 3, 9
FAMILY_TURNS, STOPPED_TURNS, MORE_TURNS = 435, 300, 30
"""Of the load; each is some 1,200 events, fewer in an emulated machine."""


@pytest.fixture
def load(tmp_path: Path, need) -> Callable[[int], None]:
    """Reclaim so much in a small memory cgroup; returns when that is done."""
    need("live", find_memory_controller() is not None, "no memory cgroup controller is mounted")

    def reclaim(turns: int) -> None:
        command = [sys.executable, "-m", "tests.bench.reclaim_load", str(tmp_path), str(turns), str(os.getpid())]
        with waiting(command, LIMIT_BYTES) as process:
            process.communicate("go\n")
            assert process.returncode == 0

    return reclaim


@contextmanager
def started(*command: object, **streams: Any) -> Iterator[subprocess.Popen[str]]:
    """A process that is killed where the test does not end it."""
    with subprocess.Popen([*map(str, command)], text=True, cwd=ROOT, env=ENV, **streams) as process:
        try:
            yield process
        finally:
            if process.poll() is None:
                process.kill()


class Objects:
    """What a view prints, read as it comes: one that nobody reads would stop the view."""

    def __init__(self, view: subprocess.Popen[str]) -> None:
        self._view = view
        self._told: queue.Queue[dict[str, Any] | None] = queue.Queue()
        threading.Thread(target=self._read, daemon=True).start()

    def __iter__(self) -> Iterator[dict[str, Any]]:
        return iter(lambda: self._told.get(timeout=PATIENCE_S), None)  # type: ignore[arg-type]

    def _read(self) -> None:
        assert self._view.stdout is not None
        for line in self._view.stdout:
            self._told.put(json.loads(line))
        self._told.put(None)


@contextmanager
def going_on(load: Callable[[int], None]) -> Iterator[None]:
    """The load again and again meanwhile: a view that gets little of a CPU has losses that are young all the time."""
    enough = threading.Event()

    def again() -> None:
        while not enough.is_set():
            load(MORE_TURNS)

    thread = threading.Thread(target=again)
    thread.start()
    try:
        yield
    finally:
        enough.set()
        thread.join()


def recorder_of(view: subprocess.Popen[str]) -> int:
    """The process that records for it."""
    (pid,) = Path(f"/proc/{view.pid}/task/{view.pid}/children").read_text().split()
    return int(pid)


def by_id(findings: list[dict[str, Any]]) -> dict[int, dict[str, Any]]:
    """Findings without the ids of their spans, which a view does not tell."""
    return {finding["id"]: {**finding, "spans": []} for finding in findings}


def test_a_family_is_followed_from_file_to_file_to_its_end(tmp_path: Path, load: Callable[[int], None]) -> None:
    # GIVEN a view whose recorder begins a new file at each MiB, under a load that fills several
    path = tmp_path / "family.rtrace"
    pipe = subprocess.PIPE
    with started(*TRACER, "live", "-o", path, "--rotate", 1, "--json", stdout=pipe, stderr=pipe) as view:
        seen = iter(Objects(view))
        next(seen)
        for _ in range(MOST_LOADS):
            load(FAMILY_TURNS)
            if len([*tmp_path.glob("family.*.rtrace")]) >= FILES:
                break
        os.kill(recorder_of(view), signal.SIGTERM)
        *_, last = seen
        said = view.stderr.read() if view.stderr else ""
    assert view.returncode == 0, said
    assert len([*tmp_path.glob("family.*.rtrace")]) >= FILES
    # THEN it has seen all that is in the files, and says what their summary says
    summary = json.loads(run("summary", path, "--json").stdout)
    assert (last["ended"], last["now_s"]) == ("closed", summary["recording"]["duration_s"])
    assert last["flow"]["events"] == summary["recording"]["events"]
    assert last["flow"]["lost_events"] == summary["recording"]["lost"]
    assert by_id(last["findings"]) == by_id(summary["findings"])
    # AND so does the family, played
    played = run("replay", "--live", path, "--speed", "max", env=ENV | {"TERM": "dumb"})
    assert played.stdout.endswith(run("summary", path).stdout)


def test_a_stopped_view_costs_events_that_both_sides_count(load: Callable[[int], None]) -> None:
    # GIVEN a recorder with a small queue, and a view that takes its stream and is then stopped
    pipe = subprocess.PIPE
    record = (*TRACER, "record", "-o", "-", "--flush", "0.1", "--queue-size", 1, "--no-summary")
    with (
        started(*record, stdout=pipe, stderr=pipe) as recorder,
        started(*TRACER, "live", "-", "--json", "--interval", "0.1", stdin=recorder.stdout, stdout=pipe) as view,
    ):
        seen = iter(Objects(view))
        assert next(seen)["flow"]["lost_events"] == 0
        view.send_signal(signal.SIGSTOP)
        # WHEN far more is reclaimed than pipe and queue hold, and the view goes on
        load(STOPPED_TURNS)
        view.send_signal(signal.SIGCONT)
        with going_on(load):
            told = next(one for one in seen if "lost in the last" in one["state"]["why"])
        recorder.send_signal(signal.SIGTERM)
        *_, last = seen
        said = recorder.stderr.read() if recorder.stderr else ""
    # THEN the recording ends in order, and the recorder says how many events it dropped, and why
    assert (recorder.returncode, view.returncode) == (0, 0), said
    wrote = re.search(r"\(([\d,]+) events, ([\d,]+) lost", said)
    assert wrote, said
    events, lost = (int(number.replace(",", "")) for number in wrote.groups())
    dropped = re.search(r"([\d,]+) of the lost events because writing was too slow", said)
    assert dropped, said
    assert 0 < int(dropped[1].replace(",", "")) <= lost
    # AND the view says that it is blind, and counts the same
    assert told["state"]["state"] == "blind"
    assert told["flow"]["lost_events"] > 0
    assert (last["ended"], last["flow"]["events"], last["flow"]["lost_events"]) == ("closed", events, lost)
    assert last["findings_by_kind"]["lost"] >= 1


def test_a_stopped_view_of_its_own_recorder_says_what_was_dropped(load: Callable[[int], None]) -> None:
    pipe = subprocess.PIPE
    live = (*TRACER, "live", "--lines", "--interval", "0.1", "--queue-size", 1, "-d", 60)
    with started(*live, stdout=pipe, stderr=pipe) as view:
        assert view.stdout is not None
        view.stdout.readline()
        # GIVEN a view that is stopped under load, while its recorder is not
        view.send_signal(signal.SIGSTOP)
        load(STOPPED_TURNS)
        # WHEN it goes on until it has seen the loss, and is ended
        view.send_signal(signal.SIGCONT)
        next(line for line in view.stdout if " BLIND (" in line or "were lost" in line)
        view.send_signal(signal.SIGTERM)
        out, said = view.communicate()
    # THEN its recorder ended in order, and the summary says what was lost, and why
    assert view.returncode == 0, said
    assert "Verdict:" in out
    assert re.search(r"[\d,]+ events were lost", out), out
    assert "queue" in out, out
