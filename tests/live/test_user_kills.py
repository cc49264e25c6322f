"""SIGKILL from one process to another, as the running kernel tells it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from tracing import Trace, run

from tracer.collect.session import open_session

pytestmark = pytest.mark.usefixtures("bcc")

SI_USER = 0


@pytest.fixture
def victims() -> Iterator[list[subprocess.Popen[bytes]]]:
    """Four children that sleep."""
    made = [subprocess.Popen(["sleep", "60"]) for _ in range(4)]
    yield made
    for child in made:
        child.kill()
        child.wait()


def killed_by_us(trace: Trace) -> dict[int, tuple[int, int, bytes]]:
    """Code, group and name by victim."""
    kills = trace.of("signal_generate", os.getpid())
    assert set(kills["sig"].tolist()) <= {signal.SIGKILL}
    rows = zip(*(kills[name].tolist() for name in ("pid", "code", "group", "victim_comm")), strict=True)
    return {pid: (code, group, name) for pid, code, group, name in rows}


def test_a_sigkill_tells_its_sender_and_its_victim_and_no_other_signal_is_told(
    victims: list[subprocess.Popen[bytes]],
) -> None:
    # GIVEN children, of which we kill one, end another with SIGTERM, ask after a third, and one that kills itself
    killed, ended, asked, _ = victims
    with open_session() as session:

        def send() -> None:
            killed.send_signal(signal.SIGKILL)
            ended.send_signal(signal.SIGTERM)
            os.kill(asked.pid, 0)
            subprocess.run([sys.executable, "-c", "import os; os.kill(os.getpid(), 9)"], check=False)
            for child in (killed, ended):
                child.wait()
            session.stop()

        trace = run(session, on_first=send)
    # THEN the one SIGKILL is told, with who sent it, and nothing was lost
    assert killed_by_us(trace) == {killed.pid: (SI_USER, 1, b"sleep")}
    assert not trace.lost


def test_a_write_to_cgroup_kill_is_told_apart(victims: list[subprocess.Popen[bytes]], need) -> None:
    roots = [line.split()[1] for line in Path("/proc/mounts").read_text().splitlines() if line.split()[2] == "cgroup2"]
    need("live", bool(roots), "no cgroup2 hierarchy is mounted")
    group = Path(roots[0]) / f"reclaim-tracer-kill-{os.getpid()}"
    group.mkdir()
    try:
        need("live", (group / "cgroup.kill").exists(), "this kernel has no cgroup.kill")
        for child in victims[:2]:
            (group / "cgroup.procs").write_text(str(child.pid))
        with open_session() as session:

            def kill() -> None:
                (group / "cgroup.kill").write_text("1")
                for child in victims[:2]:
                    child.wait()
                session.stop()

            trace = run(session, on_first=kill)
        assert killed_by_us(trace) == {child.pid: (SI_USER, 0, b"sleep") for child in victims[:2]}
    finally:
        for child in victims[:2]:
            child.kill()
            child.wait()
        group.rmdir()
