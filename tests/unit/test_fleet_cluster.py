"""A fleet on a real Dask scheduler with two workers on loopback, one of them killed in the middle."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from command_line import ENV, ROOT, run
from fleets import ALL_DAMAGES, small_fleet
from test_fleet_run import ran, results_in, wait_for_fragments

pytest.importorskip("distributed")
DASK = {**ENV, "DASK_DISTRIBUTED__SCHEDULER__WORK_STEALING": "true"}


def started(module: str, *words: object) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", f"distributed.cli.{module}", *map(str, words)]
    return subprocess.Popen(
        command, cwd=ROOT, env=DASK, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
    )


@pytest.fixture
def cluster(tmp_path) -> Iterator[tuple[Path, list[subprocess.Popen[bytes]]]]:
    """A scheduler's file, and its two workers."""
    told = tmp_path / "scheduler.json"
    scheduler = started(
        "dask_scheduler", "--host", "127.0.0.1", "--port", 0, "--no-dashboard", "--scheduler-file", told
    )
    while not told.exists():
        with suppress(subprocess.TimeoutExpired):
            pytest.fail(f"the scheduler ended with {scheduler.wait(0.05)}")
    common = ("--scheduler-file", told, "--nthreads", 1, "--no-dashboard", "--no-nanny", "--host", "127.0.0.1")
    workers = [started("dask_worker", *common, "--local-directory", tmp_path / f"w{number}") for number in range(2)]
    try:
        yield told, workers
    finally:
        for process in (*workers, scheduler):
            process.kill()
            process.wait()


def address_in(told: Path) -> str:
    import json

    return json.loads(told.read_text())["address"]


def test_a_worker_that_is_killed_in_the_middle_changes_no_byte(cluster, tmp_path):
    told, workers = cluster
    for path in small_fleet(tmp_path, ALL_DAMAGES + 5, damaged=ALL_DAMAGES):
        os.utime(path, (1e9, 1e9), follow_symlinks=False)
    fleet, output = tmp_path / "recordings", tmp_path / "out"
    words = ("fleet", fleet, "-o", output, "--reports", "worst:1", "--scheduler", address_in(told))
    command = [sys.executable, "-m", "tracer", *map(str, words)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=ROOT, env=ENV)
    wait_for_fragments(output, 5, process)
    workers[0].send_signal(signal.SIGKILL)
    _, said = process.communicate()
    assert process.returncode == 0, said
    assert "Traceback" not in said
    ran(fleet, tmp_path / "here")
    assert results_in(output) == results_in(tmp_path / "here")


def test_a_scheduler_that_is_not_there_is_told_in_one_line(tmp_path):
    small_fleet(tmp_path, 1)
    config = tmp_path / "dask.yaml"
    config.write_text("distributed:\n  comm:\n    timeouts:\n      connect: 1s\n")
    words = ("fleet", tmp_path / "recordings", "-o", tmp_path / "out", "--dask-config", config)
    none = run(*words)
    assert (none.returncode, "no scheduler is known" in none.stderr) == (2, True)
