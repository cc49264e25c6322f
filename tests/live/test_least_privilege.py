"""CAP_BPF, CAP_PERFMON, a tracefs and symbols that can be read are enough; what lacks is named, with its fix."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from unprivileged import NOBODY, RUN, run_as_nobody

from tracer.metadata import LOCKED
from tracer.store import Recording

pytestmark = pytest.mark.usefixtures("bcc")

TRACEFS = Path("/sys/kernel/tracing")
PARANOID = Path("/proc/sys/kernel/perf_event_paranoid")
ENOUGH = ("bpf", "perfmon", "syslog")
ROOTS_GROUP = (0,)
"""tracefs's files belong to it, and can be read by it."""


@pytest.fixture(scope="module")
def group_may_read_tracefs() -> Iterator[None]:
    """`mount -o remount,mode=750,gid=0` and `sysctl kernel.perf_event_paranoid=2`, for as long as these tests run."""
    before, paranoid = stat.S_IMODE(TRACEFS.stat().st_mode), PARANOID.read_text()
    TRACEFS.chmod(0o750)
    PARANOID.write_text(str(min(int(paranoid), 2)))
    yield
    TRACEFS.chmod(before)
    PARANOID.write_text(paranoid)


@pytest.fixture
def place() -> Iterator[Path]:
    """A folder that nobody may enter and write to; pytest's own are root's alone."""
    with TemporaryDirectory() as folder:
        os.chown(folder, NOBODY, NOBODY)
        yield Path(folder)


def checked(place: Path, *capabilities: str, before: str = ":") -> tuple[int, dict]:
    done = run_as_nobody(place, capabilities, "check", "--json", groups=ROOTS_GROUP, before=before)
    assert done.stdout, done.stderr
    return done.returncode, json.loads(done.stdout)


def broken(facts: dict) -> dict[str, dict]:
    return {item["name"]: item for item in facts["requirements"] if not item["ok"]}


def seen(facts: dict) -> set[str]:
    return {row["what"] for row in facts["plan"] if row["state"] == "used"}


def test_nothing_more_is_needed_to_see_everything(group_may_read_tracefs, place) -> None:
    code, facts = checked(place, *ENOUGH)
    assert (code, facts["can_trace"], facts["plan_tried"]) == (0, True, True)
    assert not [item for item in facts["requirements"] if item["needed"] and not item["ok"]]
    assert "kernel symbols" not in broken(facts)
    work = [row for row in facts["plan"] if row["what"] == "balloon_work_begin" and row["state"] == "used"]
    assert work or facts["balloon"]["driver"] is None
    # Of modules it is seen by kprobes: their BTF is for CAP_SYS_ADMIN.
    by_root = subprocess.check_output([sys.executable, "-m", "tracer", "check", "--json"], text=True)
    assert seen(facts) == seen(json.loads(by_root))


def test_a_kernel_that_opens_no_perf_events_for_them_is_told_with_its_setting(group_may_read_tracefs, place) -> None:
    # GIVEN the level at which kernels of Debian and Ubuntu refuse them, and others do not
    before = PARANOID.read_text()
    PARANOID.write_text("3")
    try:
        code, facts = checked(place, *ENOUGH)
    finally:
        PARANOID.write_text(before)
    # THEN tracepoints are traced, or that they are not is said with what to do
    traced = [row for row in facts["plan"] if row["source"].startswith("tracepoint:") and row["state"] == "used"]
    assert (code == 0) is facts["can_trace"] is bool(traced)
    if not traced:
        assert "sysctl kernel.perf_event_paranoid=2" in broken(facts)["programs"]["fix"]


def test_a_recording_is_made_and_belongs_to_who_made_it(group_may_read_tracefs, place) -> None:
    output = place / "x.rtrace"
    done = run_as_nobody(place, ENOUGH, "record", "-d", "0.2", "-o", str(output), groups=ROOTS_GROUP)
    assert done.returncode == 0, done.stderr
    assert output.stat().st_uid == NOBODY
    assert "Verdict" in done.stdout


@pytest.mark.parametrize(("capabilities", "locked"), [(ENOUGH, False), ((*ENOUGH, "ipc_lock"), True)])
def test_memory_that_it_may_not_lock_is_said(group_may_read_tracefs, place, capabilities, locked) -> None:
    output = place / "x.rtrace"
    done = run_as_nobody(
        place, capabilities, "record", "-v", "-d", "0.2", "-o", str(output), groups=ROOTS_GROUP, before="ulimit -l 64"
    )
    assert done.returncode == 0, done.stderr
    assert ("All of it is locked in memory" in done.stderr, "CAP_IPC_LOCK would allow it" in done.stderr) == (
        locked,
        not locked,
    )
    assert (Recording.open(output).metadata.memory_lock == LOCKED) is locked


@pytest.mark.parametrize(
    ("missing", "name", "detail"),
    [
        ("bpf", "privileges", "CAP_BPF is missing"),
        ("perfmon", "privileges", "CAP_PERFMON is missing"),
        ("syslog", "kernel symbols", "CAP_SYSLOG is missing"),
    ],
)
def test_the_capability_that_was_taken_away_is_named(group_may_read_tracefs, place, missing, name, detail) -> None:
    code, facts = checked(place, *(item for item in ENOUGH if item != missing))
    found = broken(facts)[name]
    assert found["detail"].startswith(detail)
    assert found["fix"]
    assert (code, facts["can_trace"]) == ((3, False) if found["needed"] else (0, True))
    assert [item["name"] for item in broken(facts).values() if item["needed"]] == ([name] if found["needed"] else [])


def test_a_tracefs_that_cannot_be_read_is_named(place) -> None:
    done = run_as_nobody(place, ENOUGH, "check", "--json")
    found = broken(json.loads(done.stdout))
    assert [name for name, item in found.items() if item["needed"]] == ["tracefs"]
    assert found["tracefs"]["detail"] == f"{TRACEFS}: Permission denied"
    assert found["tracefs"]["fix"] == f"sudo mount -o remount,mode=750,gid={NOBODY} {TRACEFS}"
    assert done.returncode == 3


def test_a_tracefs_that_is_not_mounted_is_named(place) -> None:
    code, facts = checked(place, *ENOUGH, before=f"umount {TRACEFS}; umount --lazy /sys/kernel/debug 2>/dev/null || :")
    found = broken(facts)["tracefs"]
    assert (code, found["detail"]) == (3, "not mounted")
    assert found["fix"] == f"sudo mount -t tracefs tracefs {TRACEFS}"


def test_record_says_in_one_line_what_is_missing(group_may_read_tracefs, place) -> None:
    done = run_as_nobody(place, ("bpf", "syslog"), "record", "-d", "0.2", "-o", str(place / "y"), groups=ROOTS_GROUP)
    assert done.returncode == 3
    assert len(done.stderr.splitlines()) == 1
    assert "CAP_PERFMON is missing" in done.stderr
    assert not (place / "y").exists()


def as_root_apart(*unshare: str) -> dict:
    """What `check` says to a root that is one in namespaces of its own only."""
    done = subprocess.run(["unshare", *unshare, sys.executable, "-c", RUN, "check", "--json"], capture_output=True)
    assert done.returncode == 3
    return json.loads(done.stdout)


def test_root_of_a_user_namespace_is_told_that_it_has_no_power() -> None:
    found = broken(as_root_apart("--user", "--map-root-user"))["privileges"]
    assert "user namespace" in found["detail"]
    assert found["fix"]


def test_root_of_a_container_is_told_the_capabilities_to_start_it_with() -> None:
    bounded = ("setpriv", "--bounding-set", "-bpf,-perfmon,-sys_admin")
    facts = as_root_apart("--pid", "--fork", "--mount-proc", *bounded)
    assert facts["host"]["container_engine"]
    found = broken(facts)["privileges"]
    assert found["detail"] == "CAP_BPF and CAP_PERFMON are missing"
    assert "BPF" in found["fix"]
    assert "PERFMON" in found["fix"]
