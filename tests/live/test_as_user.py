"""`record --as-user`: the traced command as somebody else, with nothing of root's left."""

from __future__ import annotations

import os
import pwd
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from tracer.store import Recording

ROOT = Path(__file__).parents[2]
ENV = os.environ | {"PYTHONPATH": str(ROOT), "USER": "root", "HOME": "/root", "LOGNAME": "root", "SHELL": "/bin/roots"}
TRACER = [sys.executable, "-m", "tracer"]
INHERIT = ("setpriv", "--inh-caps", "+sys_admin,+bpf", "--ambient-caps", "+sys_admin,+bpf")
TELL = "cat /proc/self/status; umask; pwd; ls /proc/self/fd; env"


@pytest.fixture
def nobody(bcc, need) -> pwd.struct_passwd:
    need("live", os.geteuid() == 0, "not root")
    return pwd.getpwnam("nobody")


def record_as(
    user: str, *command: str, cwd: Path, options: Sequence[str] = (), before: Sequence[str] = (), umask: int = -1
) -> subprocess.CompletedProcess[str]:
    whole = [*before, *TRACER, "record", "-q", "-o", "x.rtrace", "--as-user", user, *options, "--", *command]
    return subprocess.run(whole, capture_output=True, text=True, cwd=cwd, env=ENV, timeout=90, umask=umask)


@pytest.mark.parametrize("before", [(), INHERIT, (*INHERIT, "--securebits", "+no_setuid_fixup")])
def test_the_command_is_the_users_and_has_no_capability(nobody, tmp_path: Path, before: Sequence[str]) -> None:
    result = record_as("nobody", "sh", "-c", TELL, cwd=tmp_path, before=before)
    assert result.returncode == 0, result.stderr
    lines = result.stdout.splitlines()
    assert "\t".join(["Uid:", *[str(nobody.pw_uid)] * 4]) in lines
    assert "\t".join(["Gid:", *[str(nobody.pw_gid)] * 4]) in lines
    groups = next(line for line in lines if line.startswith("Groups:")).split()[1:]
    assert set(map(int, groups)) == set(os.getgrouplist("nobody", nobody.pw_gid))
    for name in ("CapInh", "CapPrm", "CapEff", "CapAmb"):
        assert f"{name}:\t0000000000000000" in lines


def test_its_environment_is_the_users_and_its_place_the_callers(nobody, tmp_path: Path) -> None:
    result = record_as("nobody", "sh", "-c", TELL, cwd=tmp_path, umask=0o027)
    lines = result.stdout.splitlines()
    wanted = {"HOME": nobody.pw_dir, "SHELL": nobody.pw_shell, "USER": "nobody", "LOGNAME": "nobody"}
    for name, value in wanted.items():
        assert f"{name}={value}" in lines
    assert f"PYTHONPATH={ROOT}" in lines, "the rest is the caller's"
    assert "0027" in lines
    assert str(tmp_path) in lines
    descriptors = [line for line in lines if line.isdecimal() and len(line) < 4]
    assert descriptors == ["0", "1", "2", "3"], "the fourth is of ls"


def test_its_exit_status_is_handed_on_and_the_recording_is_roots(nobody, tmp_path: Path) -> None:
    result = record_as("65534:12345", "sh", "-c", "id -g; exit 7", cwd=tmp_path)
    assert result.returncode == 7
    assert result.stdout.startswith("12345\n")
    facts = (tmp_path / "x.rtrace").stat()
    assert (facts.st_uid, facts.st_mode & 0o777) == (os.geteuid(), 0o600)
    assert Recording.open(tmp_path / "x.rtrace").complete


def test_a_command_of_somebody_else_is_told_to_end_when_the_time_is_over(nobody, tmp_path: Path) -> None:
    result = record_as("nobody", "sleep", "60", cwd=tmp_path, options=["-d", "300ms"])
    assert result.returncode == 0
    assert Recording.open(tmp_path / "x.rtrace").notes["exit_status"] == -signal.SIGTERM


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGHUP])
def test_a_signal_to_the_recorder_ends_it_too(nobody, tmp_path: Path, number: signal.Signals) -> None:
    # Whoever runs the tests may have it ignored (nohup).
    command = ["env", "--default-signal", *TRACER, "record", "-q", "-o", "x.rtrace", "--as-user", "nobody", "--"]
    ready = "echo ready; exec sleep 60"
    with subprocess.Popen(
        [*command, "sh", "-c", ready], stdout=subprocess.PIPE, text=True, cwd=tmp_path, env=ENV
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        process.send_signal(number)
        process.communicate(timeout=60)
    assert process.returncode == 0
    notes = Recording.open(tmp_path / "x.rtrace").notes
    assert (notes["stop_signal"], notes["exit_status"]) == (number, -signal.SIGTERM)


def test_what_the_user_may_not_execute_leaves_no_file(nobody, tmp_path: Path) -> None:
    program = tmp_path / "program"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o700)
    (tmp_path / "work").mkdir()
    result = record_as("nobody", str(program), cwd=tmp_path / "work")
    assert result.returncode == 2
    assert result.stderr == f"reclaim-tracer: error: {program}: cannot be started as nobody: Permission denied\n"
    assert list((tmp_path / "work").iterdir()) == []


@pytest.mark.parametrize(("options", "said"), [((), True), (("--as-user", "root"), False)])
def test_under_sudo_it_is_said_whose_the_command_is(nobody, tmp_path: Path, options: Sequence[str], said: bool) -> None:
    environment = ENV | {"SUDO_USER": "alice", "SUDO_UID": "1234", "SUDO_GID": "1234"}
    command = [*TRACER, "record", "-o", "x.rtrace", *options, "--", "id", "-u"]
    result = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, env=environment, timeout=90)
    assert result.stdout.startswith("0\n")
    line = "The command runs as root; with --as-user alice it runs as alice\n"
    assert (line in result.stderr) is said
