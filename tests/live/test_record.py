"""`record` from outside, on the running kernel: how it ends, and what is on disk then."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tracer.program_cost import costs_from_notes
from tracer.store import Recording

ROOT = Path(__file__).parents[2]
ENV = os.environ | {"PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1"}
TRACER = [sys.executable, "-m", "tracer"]
EVICT = "sync; echo 2 > /proc/sys/vm/drop_caches; stat /usr/bin/* > /dev/null; echo 2 > /proc/sys/vm/drop_caches"


def record(*arguments: object, cwd: Path) -> subprocess.CompletedProcess[str]:
    command = [*TRACER, "record", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, cwd=cwd, env=ENV, timeout=60)


def has_written(path: Path) -> bool:
    """Whether something of the first second is in the file."""
    recording = Recording.open(path)
    return recording.last_ns > recording.metadata.start_ns


@pytest.fixture
def running(tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    """A `record -o x.rtrace` that has attached and has written at least once."""
    command = [*TRACER, "record", "-v", "-o", "x.rtrace"]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=tmp_path, env=ENV
    ) as process:
        assert process.stderr is not None
        for line in process.stderr:
            if " events, " in line and has_written(tmp_path / "x.rtrace"):
                break
        yield process
        process.kill()


def summary(path: Path) -> dict[str, Any]:
    result = subprocess.run([*TRACER, "summary", "--json", path], capture_output=True, text=True, env=ENV)
    assert (result.returncode, result.stderr) == (0, "")
    data: dict[str, Any] = json.loads(result.stdout)
    return data


def test_a_command_is_traced_from_its_start_to_its_end(tmp_path):
    result = record("-o", "x.rtrace", "--", "sh", "-c", EVICT, cwd=tmp_path)
    assert result.returncode == 0
    assert result.stdout.startswith("x.rtrace: ")
    assert "super_cache_scan" in result.stdout
    assert " events, 0 lost, " in result.stderr
    assert "Next: reclaim-tracer report x.rtrace" in result.stderr
    assert "Buffers: 16 MiB in the kernel, 8 MiB for events not yet written, " in result.stderr
    assert "Other memory: at most 24 MiB\nAll of it is locked in memory, with " in result.stderr
    recording = Recording.open(tmp_path / "x.rtrace")
    assert recording.complete
    assert recording.metadata.command == ("sh", "-c", EVICT)
    assert recording.notes["exit_status"] == 0
    assert (tmp_path / "x.rtrace").stat().st_mode & 0o777 == 0o600


def test_what_the_programs_cost_is_measured_where_it_was_asked_for(tmp_path):
    result = record("-v", "-o", "x.rtrace", "--", "sh", "-c", EVICT, cwd=tmp_path)
    recording = Recording.open(tmp_path / "x.rtrace")
    costs = costs_from_notes(recording.notes)
    counts = summary(tmp_path / "x.rtrace")["recording"]["events_by_kind"]
    # Programs run before time zero, too.
    assert costs["shrink_slab_start"].runs >= counts["shrink_slab_start"] > 0
    assert all(cost.run_time_ns / cost.runs > 20 for cost in costs.values())
    whole_ns = (recording.last_ns - recording.metadata.start_ns) * os.cpu_count()
    assert sum(cost.run_time_ns for cost in costs.values()) < whole_ns
    assert re.search(r"^shrink_slab_start: ran [\d,]+ times, [\d,]+ ns each$", result.stderr, re.MULTILINE)
    assert re.search(r"^BPF programs: [\d.,]+ ms in total, [\d.]+ % of a CPU$", result.stderr, re.MULTILINE)
    record("-o", "y.rtrace", "--", "sh", "-c", EVICT, cwd=tmp_path)
    assert costs_from_notes(Recording.open(tmp_path / "y.rtrace").notes) == {}


def test_the_commands_failure_is_said_and_kept(tmp_path):
    result = record("-o", "x.rtrace", "--", "sh", "-c", "exit 3", cwd=tmp_path)
    assert result.returncode == 3
    assert "The command ended with status 3" in result.stderr
    assert Recording.open(tmp_path / "x.rtrace").notes["exit_status"] == 3


def test_it_says_that_it_traces_and_for_how_long(tmp_path):
    result = record("-d", 0.5, "-o", "x.rtrace", cwd=tmp_path)
    assert "\nTracing for 0.5 s. Ctrl-C ends it sooner.\n" in result.stderr


def test_a_command_that_outlives_the_duration_is_ended(tmp_path):
    result = record("-d", 0.5, "-o", "x.rtrace", "--", "sleep", "60", cwd=tmp_path)
    assert result.returncode == 0
    assert Recording.open(tmp_path / "x.rtrace").notes["exit_status"] == -signal.SIGTERM


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_it_well(running, tmp_path, number):
    running.send_signal(number)
    out, err = running.communicate(timeout=30)
    assert running.returncode == 0, err
    assert "Verdict: " in out
    recording = Recording.open(tmp_path / "x.rtrace")
    assert recording.complete
    assert recording.notes["stop_signal"] == number


def test_after_kill_9_what_was_flushed_opens(running, tmp_path):
    running.kill()
    running.communicate()
    recording = Recording.open(tmp_path / "x.rtrace")
    assert not recording.complete
    assert (recording.last_ns - recording.metadata.start_ns) / 1e9 > 0.5, "a second had been flushed"
    assert summary(tmp_path / "x.rtrace")["recording"]["cut_bytes"] == recording.cut_bytes


def test_the_default_name_says_when(tmp_path):
    assert record("-d", 0.2, "-q", cwd=tmp_path).returncode == 0
    (made,) = tmp_path.iterdir()
    assert made.match("reclaim-????????-??????.rtrace")


def test_quiet_leaves_only_the_summary(tmp_path):
    result = record("-d", 0.2, "-q", "-o", "x.rtrace", cwd=tmp_path)
    assert result.stderr == ""
    assert result.stdout.startswith("x.rtrace: ")


def test_a_full_disk_ends_it_with_the_good_part_kept(tmp_path, need):
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=128k", "tmpfs", disk], capture_output=True)
    need("live", mounted.returncode == 0, "a tmpfs can't be mounted here")
    try:
        (disk / "filler").write_bytes(bytes((112 << 10) - size_of_a_short_one(tmp_path)))
        result = record("--sample-interval", 0.01, "-o", disk / "x.rtrace", "--", *evict_for(20), cwd=tmp_path)
        assert (result.returncode, result.stdout) == (1, "")
        assert result.stderr.splitlines()[-1].startswith("reclaim-tracer: error: ")
        assert "Traceback" not in result.stderr
        assert "No space left" in result.stderr
        assert summary(disk / "x.rtrace")["recording"]["events"] > 0
    finally:
        subprocess.run(["umount", disk], check=True)


def size_of_a_short_one(folder: Path) -> int:
    assert record("-d", 0.2, "-o", folder / "short.rtrace", cwd=folder).returncode == 0
    return (folder / "short.rtrace").stat().st_size


def evict_for(seconds: int) -> list[str]:
    """Several times as long as the disk lasts: the command goes on when the recording has failed."""
    return ["sh", "-c", f'end=$(($(date +%s) + {seconds})); while [ "$(date +%s)" -lt "$end" ]; do {EVICT}; done']


@pytest.mark.parametrize("arguments", [("-o", "no/x.rtrace"), ("-o", "."), ("-o", "x.rtrace", "--", "/etc/passwd")])
def test_a_failure_leaves_no_file(tmp_path, arguments):
    result = record("-d", 0.2, *arguments, cwd=tmp_path)
    assert result.returncode in (1, 2)
    *usage, error = result.stderr.splitlines()
    assert "rror: " in error
    assert not usage or usage[0].startswith("Usage: ")
    assert list(tmp_path.iterdir()) == []


def test_a_command_that_cannot_be_executed_leaves_no_file(tmp_path):
    (tmp_path / "work").mkdir()
    broken = tmp_path / "broken"
    broken.write_bytes(b"\x7fELF")
    broken.chmod(0o755)
    result = record("-o", "x.rtrace", "--", broken, cwd=tmp_path / "work")
    assert result.returncode == 2
    assert result.stderr.splitlines()[-1].startswith(f"reclaim-tracer: error: {broken}: ")
    assert list((tmp_path / "work").iterdir()) == []


def test_a_command_that_cannot_be_executed_leaves_an_older_recording_alone(tmp_path):
    broken, older = tmp_path / "broken", tmp_path / "x.rtrace"
    broken.write_bytes(b"\x7fELF")
    broken.chmod(0o755)
    older.write_text("older")
    assert record("-f", "-o", older, "--", broken, cwd=tmp_path).returncode == 2
    assert older.read_text() == "older"


def test_where_tracing_is_not_possible_it_says_why_and_exits_with_3(tmp_path):
    # GIVEN root without the capabilities that tracing takes
    drop = ["setpriv", "--bounding-set", "-sys_admin,-bpf,-perfmon"]
    command = [*drop, *TRACER, "record", "-d", "1", "-o", "x.rtrace"]
    result = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, env=ENV)
    assert (result.returncode, result.stdout) == (3, ""), result.stderr
    assert result.stderr.startswith("reclaim-tracer: error: privileges: CAP_BPF and CAP_PERFMON are missing")
    assert len(result.stderr.splitlines()) == 1
    assert list(tmp_path.iterdir()) == []


def test_the_demo_falls_back_to_the_bundled_recording(tmp_path):
    drop = ["setpriv", "--bounding-set", "-sys_admin,-bpf,-perfmon"]
    result = subprocess.run([*drop, *TRACER, "demo"], capture_output=True, text=True, cwd=tmp_path, env=ENV)
    assert result.returncode == 0, result.stderr
    assert result.stdout.startswith(
        "Live tracing is not possible here (privileges: CAP_BPF and CAP_PERFMON are missing"
    )
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["demo.html", "demo.rtrace"]


def test_under_sudo_what_the_demo_makes_is_the_users(tmp_path):
    drop = ["setpriv", "--bounding-set", "-sys_admin,-bpf,-perfmon"]
    os.chown(tmp_path, 1234, 2345)
    env = ENV | {"SUDO_UID": "1234", "SUDO_GID": "2345"}
    subprocess.run([*drop, *TRACER, "demo", "-o", "a/b"], capture_output=True, cwd=tmp_path, env=env, check=True)
    owners = {path.name: (path.stat().st_uid, path.stat().st_gid) for path in tmp_path.rglob("*")}
    assert owners == dict.fromkeys(("a", "b", "demo.rtrace", "demo.html"), (1234, 2345))


def test_the_demo_leaves_a_recording_and_a_report_of_its_load(tmp_path):
    # An emulated machine comes to its limit later, and to its slab later still.
    for seconds in (15, 60, 240):
        data = demonstrated(tmp_path / str(seconds), seconds)
        direct = {tier["tier"]: tier["sources"] for tier in data["tiers"]}.get("direct", {})
        if direct.get("slab", {}).get("objects", {}).get("super_cache_scan"):
            break
    assert direct["file"]["pages"] > 256
    assert direct["slab"]["objects"]["super_cache_scan"] > 0
    assert data["recording"]["lost"] == 0


def demonstrated(folder: Path, seconds: int) -> dict:
    folder.mkdir()
    command = [*TRACER, "demo", "-d", str(seconds)]
    result = subprocess.run(command, capture_output=True, text=True, cwd=folder, env=ENV)
    assert result.returncode == 0, result.stderr
    assert sorted(path.name for path in (folder / "out").iterdir()) == ["demo.html", "demo.rtrace"]
    return summary(folder / "out" / "demo.rtrace")
