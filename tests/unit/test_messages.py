"""What is said on stderr never ends the work, and never moves a terminal's cursor."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
import termios
from pathlib import Path

import pytest

from tracer.errors import shell_word
from tracer.terminal.exit_codes import run_to_exit
from tracer.terminal.messages import Messages

ROOT = Path(__file__).parents[2]
WORK = (
    "from tracer.terminal.exit_codes import run_to_exit\n"
    "from tracer.terminal.messages import Messages\n"
    "from tracer.terminal.progress import ProgressLine\n"
    "def work():\n"
    "    say = Messages(verbose=True)\n"
    "    say.info('begun'); say.detail('going on'); say.info('more')\n"
    "    print('done')\n"
    "run_to_exit(work)\n"
)


@pytest.mark.parametrize("stderr", ["full", "closed", "reader gone"])
def test_the_work_goes_on_where_nothing_can_be_said(stderr: str) -> None:
    if stderr == "reader gone":
        command = ["bash", "-c", '"$@" 2> >(exec 0<&-; exit 0)', "bash", sys.executable, "-c", WORK]
    else:
        command = [
            "sh",
            "-c",
            f'exec "$@" 2>{"/dev/full" if stderr == "full" else "&-"}',
            "sh",
            sys.executable,
            "-c",
            WORK,
        ]
    result = subprocess.run(command, stdout=subprocess.PIPE, text=True, cwd=ROOT)
    assert (result.stdout, result.returncode) == ("done\n", 0)


def test_the_work_is_done_where_there_is_no_dev(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("os.devnull", "/no/dev/null")
    run_to_exit(lambda: print("done"))
    assert capsys.readouterr() == ("done\n", "")


@pytest.mark.parametrize("stderr", ["/dev/full", ">(exec 0<&-; exec sleep 20)"])
def test_a_usage_error_that_cannot_be_said_is_one(stderr: str) -> None:
    # The reader is gone before anything is said: the pipe's other end is tried until it breaks.
    script = f'exec 2> {stderr}; while [ -p /dev/stderr ] && echo x >&2; do sleep 0.01; done 2>/dev/null; "$@"'
    result = subprocess.run(
        ["bash", "-c", f'trap "" PIPE; {script}', "bash", sys.executable, "-m", "tracer", "nosuch"],
        cwd=ROOT,
        stdout=subprocess.PIPE,
    )
    assert (result.returncode, result.stdout) == (2, b"")


def test_control_characters_are_escaped(capsys: pytest.CaptureFixture[str]) -> None:
    Messages().info("wrote \x1b[2J\nx")
    assert capsys.readouterr().err == "wrote \\x1b[2J\\nx\n"


@pytest.mark.parametrize(
    ("failure", "said"),
    [
        ("raise MemoryError", "out of memory"),
        ("raise OSError(12, 'Cannot allocate memory', 'bpf')", "Cannot allocate memory: bpf; free some memory"),
        ("raise OSError(24, 'Too many open files')", "raise the limit on open files (ulimit -n)"),
    ],
)
def test_what_a_limit_refuses_is_one_line_that_names_it(failure: str, said: str) -> None:
    code = f"from tracer.terminal.exit_codes import run_to_exit\ndef work():\n    {failure}\nrun_to_exit(work)\n"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT)
    assert result.returncode == 1
    assert said in result.stderr
    assert result.stderr.count("\n") == 1


@pytest.mark.parametrize(
    "name",
    ["plain.rtrace", "a b;c", "it's", "-x", "w\x1b[31mx\ny", "\\'\t", "メモリ", os.fsdecode(b"\xff\xfe"), "$(id)"],
)
def test_a_path_in_a_command_to_be_pasted_is_one_word_of_one_line(name: str) -> None:
    word = shell_word(Path(name))
    assert word.isprintable()
    pasted = subprocess.run(["bash", "-c", f"printf '%s\\0' {word}"], stdout=subprocess.PIPE, check=True).stdout
    assert Path(os.fsdecode(pasted.removesuffix(b"\0"))) == Path(name)
    assert not pasted.startswith(b"-")


def test_a_path_stays_in_one_piece_on_a_narrow_terminal() -> None:
    path = f"/srv/{'a-long-folder/' * 6}x.rtrace"
    master, slave = pty.openpty()
    termios.tcsetwinsize(slave, (24, 60))
    code = f"from tracer.terminal.messages import say; say({f'Wrote {path} (12 events)'!r})"
    subprocess.run([sys.executable, "-c", code], stderr=slave, cwd=ROOT, check=True, timeout=60)
    os.close(slave)
    lines = os.read(master, 4096).decode().split("\r\n")
    os.close(master)
    assert path in [line.strip() for line in lines]
    assert len(lines) > 2, "the rest of it is wrapped"
