"""The parent's side of compiling, with children that say what the real one would, or die. No BPF here."""

from __future__ import annotations

import signal
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from tracer.errors import CannotTraceError
from tracer.probes import compiling
from tracer.probes.bpf_objects import MapDefinition
from tracer.probes.carried.entry import Entry, Purpose
from tracer.probes.compiler import CompileError
from tracer.probes.compiling import Compiler, NoCompilerError
from tracer.probes.request import LoadRequest

REQUEST = LoadRequest("text", ("-Dflag",), "/tree", ("events",), (("tame", "TRACEPOINT"), ("wild", "TRACEPOINT")))

TALK = """
import json, os, sys
sys.path[:] = json.loads(sys.argv[1])
request = json.load(sys.stdin)
def say(answer):
    with open(int(sys.argv[2]), "wb") as channel:
        channel.write(answer if isinstance(answer, bytes) else json.dumps(answer).encode())
"""

Speak = Callable[[str], None]


@pytest.fixture
def speak(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Speak:
    """Replaces what the child runs: the lines given, after some that define `request` and `say` and write its pid."""
    note = f"open({str(tmp_path / 'pid')!r}, 'w').write(str(os.getpid()))\n"
    return lambda script: monkeypatch.setattr(compiling, "_PROGRAM", TALK + note + script)


def process_of(directory: Path) -> Path:
    """The child in /proc."""
    return Path("/proc") / (directory / "pid").read_text()


def open_files() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def test_compiled_programs_come_as_they_were_made(speak: Speak) -> None:
    speak(
        "from tracer.probes.bpf_objects import MapDefinition\n"
        "from tracer.probes.carried.entry import Entry, Purpose\n"
        "from tracer.probes.carried.file_format import encode\n"
        "assert request['text'] == 'text' and request['flags'] == ['-Dflag', '-Dmore']\n"
        "purpose = Purpose(**request['purpose'], compiler='bcc 9')\n"
        "say(encode([Entry(purpose, (MapDefinition('events', 27, 0, 0, 4096, 0),), {'tame': bytes(8)})]))"
    )
    before = open_files()
    entry = Compiler().compile(replace(REQUEST, source_flags=["-Dmore"]))
    assert entry == Entry(entry.purpose, (MapDefinition("events", 27, 0, 0, 4096, 0),), {"tame": bytes(8)})
    assert isinstance(entry.purpose, Purpose)
    assert (entry.purpose.flags, entry.purpose.source_flags, entry.purpose.compiler) == (
        ("-Dflag",),
        ("-Dmore",),
        "bcc 9",
    )
    assert open_files() == before


@pytest.mark.parametrize(
    ("script", "error", "words"),
    [
        ("say({'failed': 'bcc', 'message': 'bcc: not installed'})", NoCompilerError, "^bcc: not installed$"),
        ("say({'failed': 'compile', 'message': 'it failed'})", CompileError, "^bcc cannot .*: it failed$"),
        ("os.kill(os.getpid(), 9)", CannotTraceError, "was killed, perhaps by the OOM killer"),
        ("os.kill(os.getpid(), 11)", CannotTraceError, "was ended by SIGSEGV; try"),
        ("os._exit(7)", CannotTraceError, "ended with status 7 before it was done"),
        ("os._exit(0)", CannotTraceError, "ended with status 0 before it was done"),
        ("say(b'{}'); os._exit(7)", CannotTraceError, "ended with status 7"),
        ("say(b'RTPROGS\\n cut')", CannotTraceError, "handed over something else"),
        ("say(b'{')", CannotTraceError, "handed over something else"),
    ],
)
def test_whatever_goes_wrong_there_is_one_line_here_and_nothing_stays(
    speak: Speak, tmp_path: Path, script: str, error: type[CannotTraceError], words: str
) -> None:
    speak(script)
    before = open_files()
    with pytest.raises(error, match=words) as raised:
        Compiler().compile(REQUEST)
    assert type(raised.value) is error
    assert "\n" not in str(raised.value)
    assert raised.value.exit_code == 3
    assert open_files() == before
    assert not process_of(tmp_path).exists()


@pytest.mark.parametrize(
    ("script", "words"),
    [
        (
            "os.write(2, b'LLVM ERROR: out of memory\\n#0 0x7f frame\\n'); os._exit(1)",
            r"\(LLVM ERROR: out of memory\); see",
        ),
        ("os.write(2, b'no such target\\n'); os.abort()", r"SIGABRT \(no such target\); try"),
        ("raise MemoryError", r"status 1 .*\(MemoryError\); see"),
    ],
)
def test_the_last_words_of_a_compiler_that_ends_by_itself_are_told(
    speak: Speak, capfd: pytest.CaptureFixture[str], script: str, words: str
) -> None:
    speak(script)
    with pytest.raises(CannotTraceError, match=words) as raised:
        Compiler().compile(REQUEST)
    assert "\n" not in str(raised.value)
    assert capfd.readouterr().err == ""


def test_a_compilers_log_is_kept_from_its_first_error_on_and_bounded(speak: Speak) -> None:
    speak(
        "for line in [b'note\\n', b'bpf/a.c:1:2: error: wrong\\n', bytes(1 << 20), b'\\n1 error generated\\n']:\n"
        "    os.write(2, line)\n"
        "say({'failed': 'compile', 'message': 'it failed'})"
    )
    with pytest.raises(CompileError, match=r": bpf/a\.c:1:2: error: wrong$") as raised:
        Compiler().compile(REQUEST)
    assert raised.value.log.startswith("note\n")
    assert raised.value.log.endswith("1 error generated\n")
    assert len(raised.value.log) < 1 << 18


def test_an_interruption_ends_the_child(speak: Speak, tmp_path: Path) -> None:
    # GIVEN a child that would compile for a minute
    speak("os.kill(os.getppid(), 10); import time; time.sleep(60)")

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGUSR1, interrupt)
    try:
        # WHEN Ctrl-C comes to this process meanwhile
        with pytest.raises(KeyboardInterrupt):
            Compiler().compile(REQUEST)
    finally:
        signal.signal(signal.SIGUSR1, before)
    # THEN it is gone
    assert not process_of(tmp_path).exists()


def test_the_child_needs_neither_numpy_nor_the_rest_of_the_tracer(speak: Speak) -> None:
    speak(
        "import tracer.probes.child\n"
        "heavy = {'numpy', 'typer', 'pandas', 'bcc'} & set(sys.modules)\n"
        "say({'failed': 'bcc', 'message': f'it has {sorted(heavy)}'})"
    )
    with pytest.raises(CannotTraceError, match=r"^it has \[\]$"):
        Compiler().compile(REQUEST)


def test_a_child_without_a_request_ends_with_the_block(speak: Speak, tmp_path: Path) -> None:
    speak("open(2, 'w').write('a request came')")
    before = open_files()
    with Compiler() as compiler:
        started = compiler._process.pid
    assert not Path(f"/proc/{started}").exists()
    assert open_files() == before
