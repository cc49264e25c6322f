"""What can be imported: files, packed files, other tools' binary recordings, standard input."""

from __future__ import annotations

import contextlib
import io
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Final, Self, cast

from ..errors import CannotTraceError, RecordingError, TracerError, shown
from ..outputs import kind_of_file
from ..programs import find_program, tool_environment
from ..store.format import FILE_MAGIC
from .lines import CHUNK_BYTES, LineLoss, line_blocks, line_chunks
from .packing import MAGIC_BYTES, PACKED, DamageError, not_unpacked, unpacked

if TYPE_CHECKING:
    from io import BufferedReader

    from zstandard import ZstdCompressionWriter

TRACE_DAT_MAGIC: Final = b"\x17\x08\x44tracing"
PERF_MAGIC: Final = b"PERFILE2"
STDIN: Final = "-"
_FLAGS: Final = os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK
"""O_NONBLOCK: a pipe is refused, not waited for. What is read blocks again: trace_pipe is a regular file."""

Progress = Callable[[str, float | None], None]
"""Called with what is being done and how much of it is done (0-1, None where that is not known)."""


@dataclass(frozen=True)
class Tool:
    """A program that turns its own recordings into text; `release` makes it print the machine's uname."""

    command: tuple[str, ...]
    package: str
    release: tuple[str, ...]


_TRACE_CMD: Final = Tool(("trace-cmd", "report", "-t", "-i"), "trace-cmd", ("trace-cmd", "report", "--uname", "-i"))
_PERF: Final = Tool(
    (
        *("perf", "script", "--force", "--ns", "--show-lost-events"),
        *("--fields", "comm,pid,tid,cpu,time,event,trace", "--header", "-i"),
    ),
    "linux-perf",
    (),
)

_TOOLS: Final = {TRACE_DAT_MAGIC: _TRACE_CMD, PERF_MAGIC: _PERF}


@dataclass
class Source:
    """Text that can be read again and again. `damage` says, after a pass, why it ended before its end."""

    name: str
    stream: IO[bytes]
    kernel: str = ""
    host: str = ""
    tool: str = ""
    """The program whose text it is, where it was not text before."""
    damage: str = ""
    is_unfolded: bool = False
    size_bytes: int = field(init=False)
    _loss: LineLoss = field(default_factory=LineLoss, init=False)

    def __post_init__(self) -> None:
        self.size_bytes = self.stream.seek(0, io.SEEK_END)

    @property
    def done(self) -> float:
        """How much of the file was read: 0-1."""
        return min(self.stream.tell() / self.size_bytes, 1.0) if self.size_bytes else 1.0

    def chunks(self) -> Iterator[list[str]]:
        """The lines from the start, some thousand at a time."""
        return line_chunks(self._from_start(), self._loss)

    def blocks(self) -> Iterator[bytes]:
        """The same as bytes: whole lines without the last one's end."""
        return line_blocks(self._from_start(), self._loss)

    def close(self) -> None:
        """Close the file; a temporary one goes."""
        self.stream.close()

    def rewritten(self, stream: IO[bytes]) -> Source:
        """The same source with other text."""
        return Source(self.name, stream, self.kernel, self.host, self.tool, self.damage, self.is_unfolded)

    def _from_start(self) -> Callable[[int], bytes]:
        self.stream.seek(0)
        self._loss = LineLoss()
        return self._guarded(unpacked(self.stream))

    @property
    def long_lines(self) -> int:
        """Lines of this pass that were left out for their length so far."""
        return self._loss.too_long

    def _guarded(self, read: Callable[[int], bytes]) -> Callable[[int], bytes]:
        """Packed data that is cut or damaged ends there."""

        def guarded(size: int) -> bytes:
            try:
                return read(size)
            except DamageError as error:
                self.damage = str(error)
                self._loss.is_damaged = True
                return b""
            except OSError as error:
                raise _unreadable(self.name, error) from error

        return guarded


def open_source(source: str, progress: Progress) -> Source:
    """Open a file by what is in it, or standard input (`-`).

    Raises RecordingError where it can't be read, CannotTraceError where the tool for it is not installed.
    """
    if source == STDIN:
        return _from_stdin(progress)
    path = Path(source)
    stream = _open(path)
    magic = _magic(stream)
    tool = next((tool for start, tool in _TOOLS.items() if magic.startswith(start)), None)
    if tool is None and not magic.startswith(FILE_MAGIC):
        return Source(path.name, _rereadable(stream, path, progress))
    stream.close()
    if tool is None:
        raise RecordingError(f"{shown(path)}: is already a reclaim-tracer recording: nothing to import")
    return _converted(path, tool, progress)


def open_side_file(path: Path) -> Source:
    """A side file, packed or not. Raises RecordingError."""
    return Source(path.name, _rereadable(_open(path), path, lambda _what, _share: None))


def _open(path: Path) -> BufferedReader:
    try:
        descriptor = os.open(path, _FLAGS)
    except OSError as error:
        raise _unreadable(shown(path), error) from error
    if what := kind_of_file(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise RecordingError(f"{shown(path)}: is {what}, not a file; pipe text into `import -`")
    os.set_blocking(descriptor, True)
    stream = os.fdopen(descriptor, "rb")
    try:
        magic = _magic(stream)
    except OSError as error:
        stream.close()
        raise _unreadable(shown(path), error) from error
    if not magic or (packer := not_unpacked(magic)):
        stream.close()
        what = f"is compressed with {packer}; decompress it first" if magic else "is empty"
        raise RecordingError(f"{shown(path)}: {what}")
    return stream


def _unreadable(where: str, error: OSError) -> RecordingError:
    return RecordingError(f"{where}: can't be read: {error.strerror or error}")


def _magic(stream: IO[bytes]) -> bytes:
    stream.seek(0)
    magic = stream.read(MAGIC_BYTES)
    stream.seek(0)
    return magic


def _rereadable(stream: BufferedReader, path: Path, progress: Progress) -> IO[bytes]:
    """The stream, or what it gives in a temporary file where the kernel makes it up anew each time (tracefs, /proc)."""
    if os.fstat(stream.fileno()).st_size:
        return stream
    with stream:
        return _kept(stream, shown(path), progress)


def _from_stdin(progress: Progress) -> Source:
    if sys.stdin is None:
        raise RecordingError("standard input: is closed; pipe text into it or give a file")
    name = "standard input"
    return Source(name, _kept(cast("BufferedReader", sys.stdin.buffer), name, progress))


def _kept(stream: BufferedReader, name: str, progress: Progress) -> IO[bytes]:
    """Text is read twice, so this is what a stream gives, in a temporary file, packed; Ctrl-C ends it like its end."""
    read = _reader(stream, name)
    first = b""
    while len(first) < MAGIC_BYTES and (more := read(MAGIC_BYTES - len(first))):
        first += more
    if not first:
        raise RecordingError(f"{name}: is empty")
    if first.startswith((TRACE_DAT_MAGIC, PERF_MAGIC, FILE_MAGIC)):
        raise RecordingError(f"{name}: only text can be piped in; give the path of a binary recording")
    with Spool(packed=first.startswith(PACKED)) as spool:
        spool.write(first)
        with contextlib.suppress(KeyboardInterrupt):
            spool.copy(read, progress, f"Reading {name}")
        return spool.finish()


def _reader(stream: BufferedReader, name: str) -> Callable[[int], bytes]:
    """Reads what is there without waiting for more, so that nothing is lost that came before Ctrl-C."""

    def read(size: int) -> bytes:
        try:
            return stream.read1(size)
        except OSError as error:
            raise _unreadable(name, error) from error

    return read


def _converted(path: Path, tool: Tool, progress: Progress) -> Source:
    """The text of a binary recording, from the tool that made it, in a temporary file."""
    program = find_program(tool.command[0])
    if program is None:
        raise CannotTraceError(
            f"{shown(path)}: needs {tool.command[0]}, which is not installed; "
            f"get it with: apt-get install {tool.package}"
        )
    with Spool(packed=False) as spool:
        status, complaint = _run([str(program), *tool.command[1:], str(path.absolute())], spool, progress)
        if status or not spool.size_bytes:
            why = complaint or f"it produced no text and {_ended(status)}"
            raise RecordingError(f"{shown(path)}: {tool.command[0]} can't read it: {why}")
        host, kernel = _machine(tool, program, path)
        return Source(path.name, spool.finish(), kernel, host, tool.command[0])


def _ended(status: int) -> str:
    return f"was ended by {signal.strsignal(-status) or -status}" if status < 0 else f"ended with status {status}"


def _run(command: list[str], spool: Spool, progress: Progress) -> tuple[int, str]:
    """A program's text goes into the spool; its exit status and the last line of its complaints come back."""
    with tempfile.TemporaryFile() as complaints:
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=complaints, env=tool_environment()) as process:
            assert process.stdout is not None
            try:
                spool.copy(process.stdout.read, progress, f"Running {Path(command[0]).name} {command[1]}")
            except BaseException:
                process.kill()
                raise
        complaints.seek(0)
        lines = complaints.read(4096).decode("utf-8", "replace").strip().splitlines()
    return process.returncode, lines[-1].strip() if lines else ""


def _machine(tool: Tool, program: Path, path: Path) -> tuple[str, str]:
    """Host and kernel a trace.dat was made on, where they were saved: the second and third word of uname's line."""
    if not tool.release:
        return "", ""
    result = subprocess.run(
        [str(program), *tool.release[1:], str(path.absolute())],
        capture_output=True,
        text=True,
        errors="replace",
        check=False,
        env=tool_environment(),
    )
    for line in result.stdout.splitlines():
        words = line.split()
        if len(words) >= 3 and words[0] == "Linux":
            return words[1], words[2]
    return "", ""


class Spool:
    """A temporary file, gone when it is closed: by whoever took it from `finish`, or where something went wrong."""

    def __init__(self, *, packed: bool) -> None:
        from zstandard import ZstdCompressor

        with _room():
            # Lives as long as the source.
            self._file: IO[bytes] = tempfile.TemporaryFile(prefix="reclaim-tracer-")  # noqa: SIM115
        self._packer: ZstdCompressionWriter | None = None
        if not packed:
            self._packer = ZstdCompressor(level=1).stream_writer(self._file, closefd=False)
        self._target: Any = self._packer or self._file
        self.size_bytes = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        if kind is not None:
            self._file.close()

    def write(self, data: bytes) -> None:
        """Keep these bytes."""
        self.size_bytes += len(data)
        with _room():
            self._target.write(data)

    def copy(self, read: Callable[[int], bytes], progress: Progress, what: str) -> None:
        """Keep everything there is to read."""
        while block := read(CHUNK_BYTES):
            self.write(block)
            progress(what, None)

    def finish(self) -> IO[bytes]:
        """The file, ready to be read."""
        with _room():
            if self._packer is not None:
                self._packer.close()  # type: ignore[no-untyped-call]
            self._file.flush()
        return self._file


@contextlib.contextmanager
def _room() -> Iterator[None]:
    """Says where temporary files lie when there is no room for one."""
    try:
        yield
    except OSError as error:
        where = os.environ.get("TMPDIR") or "/tmp"  # noqa: S108 - tempfile's own first choices
        advice = "set TMPDIR to a directory with free space"
        raise TracerError(f"can't create a temporary file in {where}: {error.strerror}; {advice}") from error
