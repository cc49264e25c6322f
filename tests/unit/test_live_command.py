"""`live` as it is used without a terminal: a pipe, a file, another machine by ssh; and how each of them ends."""

from __future__ import annotations

import fcntl
import json
import os
import pty
import resource
import select
import shlex
import signal
import subprocess
import sys
import termios
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from command_line import ENV, ROOT, run
from written_recordings import write_recording

from tracer.store import Recording

CUT_BYTES = 200
PATIENCE_S = 120.0


@pytest.fixture
def recording(tmp_path: Path) -> Path:
    return write_recording(tmp_path / "small.rtrace")


def piped(data: bytes, *arguments: object, **options: object) -> subprocess.CompletedProcess[bytes]:
    return run("live", "-", *arguments, input=data, text=False, **options)


def stub_ssh(folder: Path, script: str) -> dict[str, str]:
    """An environment whose PATH has an `ssh` that writes down its words, and then does this."""
    program = folder / "ssh"
    program.write_text(f'#!/bin/sh\nprintf "%s\\n" "$@" > {shlex.quote(str(folder / "words"))}\n{script}\n')
    program.chmod(0o755)
    return {**ENV, "PATH": f"{folder}:{os.environ['PATH']}"}


def test_a_pipe_is_followed_to_its_end_and_summed_up(recording: Path) -> None:
    result = piped(recording.read_bytes())
    out = result.stdout.decode()
    assert (result.returncode, result.stderr.decode()) == (0, "The recording has ended\n")
    assert out.startswith("time")
    assert "Verdict:" in out


def test_the_last_object_has_the_findings_of_the_summary(recording: Path) -> None:
    last = json.loads(piped(recording.read_bytes(), "--json").stdout.splitlines()[-1])
    summary = json.loads(run("summary", recording, "--json").stdout)
    assert last["ended"] == "closed"
    assert last["now_s"] == summary["recording"]["duration_s"]
    told = {finding["id"]: {**finding, "spans": []} for finding in summary["findings"]}
    assert {finding["id"]: {**finding, "spans": []} for finding in last["findings"]} == told


def test_a_stream_without_its_end_mark_says_so_and_is_told_as_far_as_it_came(recording: Path) -> None:
    result = piped(recording.read_bytes()[:-CUT_BYTES])
    assert result.returncode == 4
    assert "standard input: the stream ended without its end mark" in result.stderr.decode()
    assert "Verdict:" in result.stdout.decode()


def test_a_pipe_can_be_written_to_a_file_on_the_way_also_one_that_is_cut(recording: Path, tmp_path: Path) -> None:
    data = recording.read_bytes()
    assert piped(data, "-o", tmp_path / "whole.rtrace").returncode == 0
    assert (tmp_path / "whole.rtrace").read_bytes() == data
    assert (tmp_path / "whole.rtrace").stat().st_mode & 0o777 == 0o600
    assert piped(data[:-CUT_BYTES], "-o", tmp_path / "cut.rtrace").returncode == 4
    assert (tmp_path / "cut.rtrace").read_bytes() == data[:-CUT_BYTES]
    assert not Recording.open(tmp_path / "cut.rtrace").complete


def test_a_full_disk_is_told_and_what_came_is_there(recording: Path, tmp_path: Path) -> None:
    whole = recording.read_bytes()
    limit = lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (1024, 1024))  # noqa: E731
    result = piped(whole, "-o", tmp_path / "full.rtrace", preexec_fn=limit)
    assert result.returncode == 1
    assert "full.rtrace: no longer written: File too large" in result.stderr.decode()
    assert (tmp_path / "full.rtrace").read_bytes() == whole[:1024]


@contextmanager
def going_on(recording: Path, *arguments: object) -> Iterator[subprocess.Popen[bytes]]:
    """A view of a stream that has not ended: its writer says nothing more."""
    command = [sys.executable, "-m", "tracer", "live", "-", *map(str, arguments)]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe, cwd=ROOT, env=ENV) as view:
        assert view.stdin is not None
        assert view.stdout is not None
        try:
            # No more than one object fits into it.
            fcntl.fcntl(view.stdout, fcntl.F_SETPIPE_SZ, 4096)
            view.stdin.write(recording.read_bytes()[:-CUT_BYTES])
            view.stdin.flush()
            yield view
        finally:
            if view.poll() is None:
                view.kill()


def test_a_view_that_is_ended_leaves_the_stream_and_says_so_in_its_last_object(recording: Path) -> None:
    with going_on(recording, "--json") as view:
        assert view.stdout is not None
        assert json.loads(view.stdout.readline())["ended"] is None
        view.send_signal(signal.SIGTERM)
        *_, last = map(json.loads, view.stdout)
        assert (last["ended"], view.wait(PATIENCE_S)) == ("left", 0)


def test_a_view_whose_lines_nobody_reads_can_be_ended(recording: Path) -> None:
    with going_on(recording, "--json", "--interval", "0.1") as view:
        assert view.stdout is not None
        assert view.stderr is not None
        assert select.select([view.stdout], [], [], PATIENCE_S)[0]
        view.send_signal(signal.SIGTERM)
        assert view.wait(PATIENCE_S) == 0
        assert b"standard output: nothing reads it" in view.stderr.read()


def test_a_terminal_that_is_closed_ends_it_in_order(recording: Path) -> None:
    # GIVEN lines on a terminal, of a stream that goes on
    master, slave = pty.openpty()
    command = [sys.executable, "-m", "tracer", "live", "-", "--lines"]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=slave, stderr=subprocess.PIPE, cwd=ROOT, env=ENV, start_new_session=True,
        preexec_fn=lambda: fcntl.ioctl(1, termios.TIOCSCTTY, 0),  # noqa: PLW1509 - nothing else runs in this process
    ) as view:  # fmt: skip
        os.close(slave)
        assert view.stdin is not None
        view.stdin.write(recording.read_bytes()[:-200])
        view.stdin.flush()
        assert os.read(master, 1)
        # WHEN its window is closed
        os.close(master)
        assert view.stderr is not None
        # THEN the summary that nobody can see is no error
        assert (view.wait(PATIENCE_S), view.stderr.read()) == (0, b"")


def test_what_is_no_recording_is_refused_in_a_line() -> None:
    result = piped(b"hello\n")
    assert result.returncode == 4
    assert result.stderr.decode().count("\n") == 1
    assert "is text, not a reclaim-tracer recording" in result.stderr.decode()


def test_a_finished_file_is_told_to_its_end(recording: Path) -> None:
    result = run("live", recording, "--no-summary")
    assert result.returncode == 0
    assert result.stderr == "The recording has ended\n"


def test_until_ends_with_its_own_exit_code(recording: Path) -> None:
    result = run("live", recording, "--until", "kills", "--json")
    assert result.returncode == 5
    assert "--until: kills 1" in result.stderr


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--until", "storms"], "'storms' is not one of"),
        (["--exec-on", "cycles", "true"], "'cycles' is not one of"),
        (["--exec-on", "storm", "no-such-command-x"], "no such command"),
        (["--exec-on", "storm", "a 'b"], "No closing quotation"),
        (["--exec-as", "root"], "--exec-as needs --exec-on"),
        (["x.rtrace", "--host", "guest"], "leave out FILE"),
        (["x.rtrace", "-d", "3"], "leave out FILE"),
        (["-o", "-"], "standard output is for what is shown"),
        (["--rotate", "3"], "--rotate needs -o FILE"),
        (["--host", "-oProxyCommand=touch x"], "is no [USER@]MACHINE"),
        (["--host", "user@-oProxyCommand=x"], "is no [USER@]MACHINE"),
        (["--host", "a b"], "is no [USER@]MACHINE"),
        (["--host", "a;b"], "is no [USER@]MACHINE"),
        (["--interval", "0.01"], "--interval"),
    ],
)
def test_what_makes_no_sense_is_refused(arguments: list[str], said: str) -> None:
    result = run("live", *arguments)
    assert result.returncode == 2
    assert said in result.stderr


def test_another_machine_records_and_this_one_shows(recording: Path, tmp_path: Path) -> None:
    # The end of standard input is how the view ends a recorder there; its own end comes first here.
    environment = stub_ssh(tmp_path, f"cat {shlex.quote(str(recording))}")
    arguments = ("--host", "root@guest", "-d", "5", "--oom-notifier", "odd name;x", "--json")
    result = run("live", *arguments, env=environment)
    assert (result.returncode, json.loads(result.stdout.splitlines()[-1])["ended"]) == (0, "closed")
    words = (tmp_path / "words").read_text().splitlines()
    assert words[:-1] == ["-T", "-e", "none", "-o", "BatchMode=yes", "--", "root@guest"]
    remote = shlex.split(words[-1])
    assert remote[:6] == ["reclaim-tracer", "record", "-o", "-", "--marks", "--quiet"]
    assert remote[remote.index("--oom-notifier") + 1] == "odd name;x"
    assert remote[remote.index("--duration") + 1] == "5.0"


def test_what_ssh_says_is_passed_on(tmp_path: Path) -> None:
    environment = stub_ssh(tmp_path, "echo 'ssh: connect to host guest port 22: No route to host' >&2; exit 255")
    result = run("live", "--host", "guest", env=environment)
    assert result.returncode == 1
    assert "error: ssh failed: ssh: connect to host guest port 22: No route to host" in result.stderr


def test_why_the_recorder_there_refused_is_told_with_its_exit_code(tmp_path: Path) -> None:
    environment = stub_ssh(tmp_path, "echo 'reclaim-tracer: error: needs root (try: sudo)' >&2; exit 3")
    result = run("live", "--host", "guest", env=environment)
    assert result.returncode == 3
    assert result.stderr == "reclaim-tracer: error: needs root (try: sudo)\n"


def test_a_connection_that_breaks_keeps_what_came(recording: Path, tmp_path: Path) -> None:
    size = recording.stat().st_size - CUT_BYTES
    environment = stub_ssh(tmp_path, f"head -c {size} {shlex.quote(str(recording))}; exit 255")
    result = run("live", "--host", "guest", "-o", tmp_path / "kept.rtrace", env=environment)
    assert result.returncode == 1
    assert "The stream ended without its end mark" in result.stderr
    assert "ssh failed" in result.stderr
    assert "Verdict:" in result.stdout
    assert (tmp_path / "kept.rtrace").stat().st_size == size


def test_a_command_runs_for_each_finding_with_it_on_its_standard_input(recording: Path, tmp_path: Path) -> None:
    told = tmp_path / "told"
    script = tmp_path / "tell"
    script.write_text(f"#!/bin/sh\ncat > {told}.part; ulimit -d >> {told}.part; mv {told}.part {told}\n")
    script.chmod(0o755)
    result = run("live", recording, "--exec-on", "oom_kill", script, "--no-summary")
    assert (result.returncode, result.stderr) == (0, "The recording has ended\n")
    sent, limit = told.read_text().splitlines()
    finding = json.loads(sent)
    assert (finding["kind"], finding["host"], finding["source"]) == ("oom_kill", "vm1", "small.rtrace")
    assert "spans" not in finding
    # The analysis has its memory bounded; the command has not.
    assert limit == subprocess.run(["sh", "-c", "ulimit -d"], capture_output=True, text=True).stdout.strip()
