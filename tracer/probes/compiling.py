"""Compiling in a short-lived child, so that the compiler's memory ends with it.

bcc and LLVM leave some 40 MiB of anonymous memory behind. The child hands over what it has compiled.
"""

from __future__ import annotations

import json
import os
import resource
import signal
import subprocess
import sys
from contextlib import suppress
from dataclasses import asdict
from typing import Any, Final, Self

from ..errors import CannotTraceError
from ..programs import isolated_python, kill_first, safe_module_path
from .carried.entry import Entry
from .carried.file_format import MAGIC, ProgramsFileError, decode
from .carried.fit import purpose_of
from .compiler import CompileError
from .request import LoadRequest

COMPILER_BYTES: Final = 144 << 20
"""Of the child, at most: 140.8 MiB in a guest with Linux 6.12, Debian 13's bcc 0.31 and a balloon, some 50 of them
anonymous, the others libraries' files; 29.3 and 84.9 MiB with bcc 0.26 and LLVM 14 where there is no balloon to
trace."""
MOST_DATA_BYTES: Final = 256 << 20
"""Of its own memory, four times what it takes: more than that is a compiler gone astray."""
_LOG_BYTES: Final = 1 << 16
"""What is kept of the compiler's story: so much of its beginning, and of its end."""
_LINE_CHARACTERS: Final = 500
_PROCESS: Final = "the process that compiles the BPF programs"
_PROGRAM: Final = (
    f"import json, sys; sys.path[:] = json.loads(sys.argv[1]); from {__package__}.child import main; main()"
)
"""The child finds modules where this process does, without looking at the environment or at `site` again."""


class NoCompilerError(CannotTraceError):
    """There is none here, whatever is to be compiled."""


class Compiler:
    """A child that gets ready to compile from here on, while its parent finds out what. A context manager.

    It is gone when `compile` returns or the block is left.
    """

    def __init__(self) -> None:
        """Raises NoCompilerError where it can't be started."""
        answer, theirs = os.pipe()
        self._answer = os.fdopen(answer, "rb")
        self._said = os.fdopen(os.memfd_create("stderr"), "rb")
        try:
            self._process = _start(theirs, self._said.fileno())
        except BaseException:
            self._answer.close()
            self._said.close()
            raise
        finally:
            os.close(theirs)

    def compile(self, request: LoadRequest) -> Entry:
        """Have the child do it, once. Raises CannotTraceError, CompileError and NoCompilerError among them."""
        with self:
            self._ask(request)
            answer = self._answer.read()
            status = self._process.wait()
            log = _log(self._said.fileno())
        if status != 0 or not answer:
            raise CannotTraceError(_how_it_ended(status, log))
        return _compiled(answer, log)

    def close(self) -> None:
        """End the child if it is still there; idempotent."""
        self._answer.close()
        self._said.close()
        if self._process.stdin is not None:
            with suppress(BrokenPipeError):
                self._process.stdin.close()
        if self._process.poll() is None:
            self._process.kill()
            self._process.wait()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _ask(self, request: LoadRequest) -> None:
        assert self._process.stdin is not None
        # A child that has gone says why by its status.
        with suppress(BrokenPipeError):
            self._process.stdin.write(json.dumps(_question(request)).encode())
            self._process.stdin.close()


def _start(channel: int, stderr: int) -> subprocess.Popen[bytes]:
    words = (json.dumps(safe_module_path()), str(channel), str(os.getpid()))
    command = isolated_python(_PROGRAM, words, options=("-S",))
    try:
        # A session of its own: Ctrl-C is this process's affair. clang needs a current directory that exists.
        process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=stderr,
            pass_fds=[channel],
            start_new_session=True,
            cwd="/",
        )
    except OSError as error:
        raise NoCompilerError(f"{sys.executable or 'Python'}: cannot be started: {error.strerror}") from error
    kill_first(process.pid)
    _bound(process.pid)
    return process


def _bound(pid: int) -> None:
    """Let it have no more than MOST_DATA_BYTES of memory of its own; a lower limit stays.

    No memory cgroup: page cache of the compiler's libraries would keep a removed one alive in the kernel.
    """
    with suppress(OSError):
        limits = resource.prlimit(pid, resource.RLIMIT_DATA)
        soft, hard = (min(limit, MOST_DATA_BYTES, key=_as_bound) for limit in limits)
        resource.prlimit(pid, resource.RLIMIT_DATA, (soft, hard))


def _as_bound(limit: int) -> float:
    return float("inf") if limit == resource.RLIM_INFINITY else limit


def _question(request: LoadRequest) -> dict[str, Any]:
    purpose = asdict(purpose_of(request))
    del purpose["compiler"]
    flags = [*request.flags, *request.source_flags]
    return {"text": request.text, "flags": flags, "kernel_source": request.kernel_source, "purpose": purpose}


def _compiled(answer: bytes, log: str) -> Entry:
    try:
        if answer.startswith(MAGIC):
            return decode(answer)[0]
        said = json.loads(answer)
    except (ProgramsFileError, ValueError) as error:
        raise CannotTraceError(f"{_PROCESS} handed over something else: {error}") from error
    match said:
        case {"failed": "compile", "message": reason}:
            raise CompileError(f"bcc cannot compile the BPF programs: {_error_in(log) or reason}", log)
        case {"failed": "bcc", "message": reason}:
            raise NoCompilerError(reason)
    raise CannotTraceError(_how_it_ended(0, log))


def _log(file: int) -> str:
    """What the child said on stderr; the middle of very much is left out."""
    size = os.fstat(file).st_size
    start = os.pread(file, _LOG_BYTES, 0)
    end = os.pread(file, _LOG_BYTES, max(len(start), size - _LOG_BYTES))
    return (start + end).decode(errors="replace")


def _error_in(log: str) -> str:
    """The line that says why: clang's `error:`, LLVM's `LLVM ERROR:`, or the last one, of a Python traceback say."""
    lines = [line.strip()[:_LINE_CHARACTERS] for line in log.splitlines()]
    return next((line for line in lines if "error:" in line.lower()), next(filter(None, reversed(lines)), ""))


def _how_it_ended(status: int, log: str) -> str:
    why = f" ({said})" if (said := _error_in(log)) else ""
    if status == -signal.SIGKILL:
        need = f"it briefly needs {COMPILER_BYTES >> 20} MiB"
        return f"{_PROCESS} was killed, perhaps by the OOM killer: {need}; free some memory"
    if status < 0:
        return f"{_PROCESS} was ended by {signal.Signals(-status).name}{why}; try again"
    return f"{_PROCESS} ended with status {status} before it was done{why}; see: reclaim-tracer check"
