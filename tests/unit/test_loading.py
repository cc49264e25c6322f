"""The parent's side of loading, with children that say what the real one would, or die. No BPF here."""

from __future__ import annotations

import os
import resource
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from tracer.errors import CannotTraceError
from tracer.probes import loading
from tracer.probes.compiler import CompileError
from tracer.probes.loading import Loader, LoadRequest

REQUEST = LoadRequest("text", ("-Dflag",), "/tree", ("events",), (("tame", "TRACEPOINT"), ("wild", "TRACEPOINT")))

TALK = """
import json, os, socket, sys
sys.path[:] = json.loads(sys.argv[1])
request = json.load(sys.stdin)
channel = socket.socket(fileno=int(sys.argv[2]))
def say(message, *paths):
    socket.send_fds(channel, [json.dumps(message).encode()], [os.open(path, os.O_RDONLY) for path in paths])
"""

Speak = Callable[[str], None]


@pytest.fixture
def speak(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Speak:
    """Replaces what the child runs: the lines given, after some that define `request` and `say` and write its pid."""
    note = f"open({str(tmp_path / 'pid')!r}, 'w').write(str(os.getpid()))\n"
    return lambda script: monkeypatch.setattr(loading, "_PROGRAM", TALK + note + script)


def process_of(directory: Path) -> Path:
    """The child in /proc."""
    return Path("/proc") / (directory / "pid").read_text()


def open_files() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def test_descriptors_and_refusals_come_by_name(speak: Speak) -> None:
    speak(
        "assert request['programs'] == [['tame', 'TRACEPOINT'], ['wild', 'TRACEPOINT']] and request['text'] == 'text'\n"
        "say({'map': 'events'}, '/dev/null'); say({'program': 'tame'}, '/dev/zero')\n"
        "say({'refused': 'wild', 'message': 'no', 'log': 'R0 invalid'}); say({'done': True})"
    )
    before = open_files()
    with Loader().load(REQUEST) as loaded:
        assert Path(f"/proc/self/fd/{loaded.maps['events']}").readlink() == Path("/dev/null")
        assert Path(f"/proc/self/fd/{loaded.programs['tame']}").readlink() == Path("/dev/zero")
        assert loaded.refusals == {"wild": "no"}
        assert not os.get_inheritable(loaded.maps["events"])
    assert open_files() == before


@pytest.mark.parametrize(
    ("script", "error", "words"),
    [
        ("say({'failed': 'bcc', 'message': 'bcc: not installed'})", CannotTraceError, "^bcc: not installed$"),
        ("say({'failed': 'compile', 'message': 'x.c:1: error', 'log': 'all'})", CompileError, "^x.c:1: error$"),
        ("os.kill(os.getpid(), 9)", CannotTraceError, "was killed, perhaps by the OOM killer"),
        ("os.kill(os.getpid(), 11)", CannotTraceError, "was ended by SIGSEGV"),
        ("os._exit(7)", CannotTraceError, "ended with status 7 before it was done"),
        ("os._exit(0)", CannotTraceError, "ended with status 0 before it was done"),
        ("say({'done': True}); os._exit(7)", CannotTraceError, "ended with status 7"),
    ],
)
def test_whatever_goes_wrong_there_is_one_line_here_and_nothing_stays(
    speak: Speak, tmp_path: Path, script: str, error: type[CannotTraceError], words: str
) -> None:
    speak(f"say({{'map': 'events'}}, '/dev/null')\n{script}")
    before = open_files()
    with pytest.raises(error, match=words) as raised:
        Loader().load(REQUEST)
    assert type(raised.value) is error
    assert "\n" not in str(raised.value)
    assert raised.value.exit_code == 3
    assert open_files() == before
    assert not process_of(tmp_path).exists()


def test_an_interruption_ends_the_child(speak: Speak, tmp_path: Path) -> None:
    # GIVEN a child that would compile for a minute
    speak("os.kill(os.getppid(), 10); import time; time.sleep(60)")

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGUSR1, interrupt)
    try:
        # WHEN Ctrl-C comes to this process meanwhile
        with pytest.raises(KeyboardInterrupt):
            Loader().load(REQUEST)
    finally:
        signal.signal(signal.SIGUSR1, before)
    # THEN it is gone
    assert not process_of(tmp_path).exists()


def test_too_few_open_files_allowed_is_said(speak: Speak) -> None:
    speak("for n in range(200): say({'map': str(n)}, '/dev/null')\nsay({'done': True})")
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (open_files() + 20, limits[1]))
    try:
        with pytest.raises(CannotTraceError, match="ulimit -n"):
            Loader().load(REQUEST)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, limits)


def test_the_child_needs_neither_numpy_nor_the_rest_of_the_tracer(speak: Speak) -> None:
    speak(
        "import tracer.probes.child\n"
        "heavy = {'numpy', 'typer', 'pandas', 'bcc'} & set(sys.modules)\n"
        "say({'refused': ' '.join(sorted(heavy)), 'message': ''}); say({'done': True})"
    )
    assert Loader().load(REQUEST).refusals == {"": ""}


def test_a_child_without_a_request_ends_with_the_block(speak: Speak, tmp_path: Path) -> None:
    speak("open(2, 'w').write('a request came')")
    before = open_files()
    with Loader() as loader:
        started = loader._process.pid
    assert not Path(f"/proc/{started}").exists()
    assert open_files() == before
