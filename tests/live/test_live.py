"""`live` over a recorder of its own: it tells what its recording tells, and either may die without the other."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from command_line import ENV, ROOT, run

pytestmark = pytest.mark.usefixtures("bcc")

LIVE = (sys.executable, "-m", "tracer", "live", "--json", "--interval", "0.2")
LOAD = "echo 2 > /proc/sys/vm/drop_caches"
MOST_S = 60.0


def begin(*arguments: object) -> subprocess.Popen[str]:
    """A view whose recorder has begun: its first object has come."""
    command = [*LIVE, *map(str, arguments)]
    view = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=ROOT, env=ENV)
    assert view.stdout is not None
    assert json.loads(view.stdout.readline())["format"] == "reclaim-tracer/live"
    return view


def recorder_of(view: subprocess.Popen[str]) -> int:
    children = Path(f"/proc/{view.pid}/task/{view.pid}/children").read_text().split()
    (child,) = children or [None]
    assert child is not None
    return int(child)


def eventually(condition: Callable[[], bool]) -> bool:
    until_s = time.monotonic() + MOST_S
    while not condition():
        if time.monotonic() > until_s:
            return False
        time.sleep(0.05)
    return True


def summary(path: Path) -> dict[str, object]:
    return json.loads(run("summary", path, "--json").stdout)


def test_what_it_tells_is_what_its_recording_tells(tmp_path: Path) -> None:
    path = tmp_path / "live.rtrace"
    with begin("-o", path, "-d", "3") as view:
        subprocess.run(["sh", "-c", LOAD], check=True)
        out, said = view.communicate(timeout=MOST_S)
    assert view.returncode == 0, said
    last, told = json.loads(out.splitlines()[-1]), summary(path)
    assert (last["ended"], last["now_s"]) == ("closed", told["recording"]["duration_s"])
    assert last["flow"]["events"] == told["recording"]["events"] > 0
    assert {each["id"]: each["text"] for each in last["findings"]} == {
        each["id"]: each["text"] for each in told["findings"]
    }
    assert last["flow"]["recorder_memory_bytes"] != 0
    assert max(json.loads(line)["flow"]["recorder_memory_bytes"] or 0 for line in out.splitlines()) > 1 << 20


def test_a_signal_ends_the_recorder_in_order(tmp_path: Path) -> None:
    path = tmp_path / "ended.rtrace"
    with begin("-o", path) as view:
        recorder = recorder_of(view)
        view.send_signal(signal.SIGINT)
        _, said = view.communicate(timeout=MOST_S)
    assert view.returncode == 0, said
    assert not Path(f"/proc/{recorder}").exists()
    assert summary(path)["recording"]["complete"]


def test_a_view_that_is_killed_leaves_the_recorder_to_close_its_file(tmp_path: Path) -> None:
    path = tmp_path / "on.rtrace"
    with begin("-o", path, "-d", "4") as view:
        recorder = os.pidfd_open(recorder_of(view))
        view.kill()
    assert eventually(lambda: summary(path)["recording"]["complete"] is True)
    assert summary(path)["recording"]["duration_s"] == pytest.approx(4.0, abs=0.5)
    os.close(recorder)


def test_a_recorder_that_is_killed_is_told_and_what_it_wrote_is_there(tmp_path: Path) -> None:
    path = tmp_path / "cut.rtrace"
    with begin("-o", path) as view:
        os.kill(recorder_of(view), signal.SIGKILL)
        out, said = view.communicate(timeout=MOST_S)
    assert view.returncode == 1
    assert "the recorder was ended by SIGKILL" in said
    assert "Traceback" not in said
    assert json.loads(out.splitlines()[-1])["ended"] == "cut"
    assert summary(path)["recording"]["complete"] is False


def test_a_view_that_is_killed_without_a_file_ends_the_recorder() -> None:
    with begin() as view:
        recorder = recorder_of(view)
        view.kill()
    stat = Path(f"/proc/{recorder}/stat")
    assert eventually(lambda: not stat.exists() or stat.read_text().rpartition(")")[2].split()[0] == "Z")
