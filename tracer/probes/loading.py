"""Compiling and loading in a short-lived child, so that the compiler's memory ends with it.

bcc and LLVM leave some 40 MiB of anonymous memory behind. The child hands over the descriptors of maps and programs,
which live on here.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import struct
import subprocess
import sys
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final, Self

from ..errors import CannotTraceError
from ..programs import isolated_python, safe_module_path
from .compiler import CompileError

_MESSAGE_BYTES: Final = 1 << 19
_ONE_DESCRIPTOR: Final = socket.CMSG_LEN(struct.calcsize("i"))
COMPILER_BYTES: Final = 137 << 20
"""Of the child, at most: 50 MiB of anonymous memory and 87 MiB of libraries' files in a guest with Linux 6.12 and a
balloon; 29.3 and 84.9 MiB with bcc 0.26 and LLVM 14 where there is no balloon to trace."""
_FIRST_VICTIM: Final = "1000"
"""OOM_SCORE_ADJ_MAX, include/uapi/linux/oom.h."""
_PROGRAM: Final = (
    f"import json, sys; sys.path[:] = json.loads(sys.argv[1]); from {__package__}.child import main; main()"
)
"""The child finds modules where this process does, without looking at the environment or at `site` again."""


@dataclass(frozen=True)
class LoadRequest:
    """What to compile: text, compiler flags, the tree with `include/`; which maps, and programs with their bcc type.

    `traced` are programs for one function each: a name for it, the program's, whether for the return, the function's
    number in BTF, and its module, if any.
    """

    text: str
    flags: Sequence[str]
    kernel_source: str
    maps: Sequence[str]
    programs: Sequence[tuple[str, str]]
    traced: Sequence[tuple[str, str, bool, int, str | None]] = ()


@dataclass
class Loaded:
    """Descriptors by name, this process's own, and each refused program's reason. Close frees what is not attached."""

    maps: dict[str, int] = field(default_factory=dict)
    programs: dict[str, int] = field(default_factory=dict)
    refusals: dict[str, str] = field(default_factory=dict)

    def close(self) -> None:
        """Close every descriptor; idempotent."""
        for group in (self.maps, self.programs):
            while group:
                os.close(group.popitem()[1])

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class Loader:
    """A child that gets ready to compile from here on, while its parent finds out what. A context manager.

    It is gone when `load` returns or the block is left.
    """

    def __init__(self) -> None:
        """Raises CannotTraceError where it can't be started."""
        self._channel, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            try:
                self._process = _start(theirs.fileno())
            except BaseException:
                self._channel.close()
                raise

    def load(self, request: LoadRequest) -> Loaded:
        """Have the child do it, once. Raises CannotTraceError, CompileError among them."""
        loaded = Loaded()
        try:
            with self:
                self._ask(request)
                done = False
                while not done and (message := _receive(self._channel)):
                    done = _take(message, loaded)
                self._finish(done)
        except BaseException:
            loaded.close()
            raise
        return loaded

    def close(self) -> None:
        """End the child if it is still there; idempotent."""
        self._channel.close()
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
            self._process.stdin.write(json.dumps(asdict(request)).encode())
            self._process.stdin.close()

    def _finish(self, done: bool) -> None:
        """Wait for its end. Raises CannotTraceError where it was not a good one, or came too early."""
        if (status := self._process.wait()) != 0 or not done:
            raise CannotTraceError(_how_it_ended(status))


def _start(channel: int) -> subprocess.Popen[bytes]:
    words = (json.dumps(safe_module_path()), str(channel), str(os.getpid()))
    command = isolated_python(_PROGRAM, words, options=("-S",))
    try:
        # A session of its own: Ctrl-C is this process's affair. clang needs a current directory that exists.
        process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            pass_fds=[channel],
            start_new_session=True,
            cwd="/",
        )
    except OSError as error:
        raise CannotTraceError(f"{sys.executable or 'Python'}: cannot be started: {error.strerror}") from error
    # Everybody may do that to a process of his own.
    with suppress(OSError):
        Path(f"/proc/{process.pid}/oom_score_adj").write_text(_FIRST_VICTIM)
    return process


def _receive(channel: socket.socket) -> dict[str, Any]:
    """The next message, with its descriptor, if any, as `fd`; empty when the child has gone."""
    # socket.recv_fds of Python 3.11 ignores flags.
    data, ancillary, flags, _ = channel.recvmsg(_MESSAGE_BYTES, _ONE_DESCRIPTOR, socket.MSG_CMSG_CLOEXEC)
    if flags & socket.MSG_CTRUNC:
        raise CannotTraceError("too many open files: raise the limit (ulimit -n)")
    message: dict[str, Any] = json.loads(data) if data else {}
    for _, _, packed in ancillary:
        (message["fd"],) = struct.unpack("i", packed)
    return message


def _take(message: dict[str, Any], loaded: Loaded) -> bool:
    """Note what a message brings; True for the last one."""
    match message:
        case {"map": name, "fd": fd}:
            loaded.maps[name] = fd
        case {"program": name, "fd": fd}:
            loaded.programs[name] = fd
        case {"refused": name, "message": reason}:
            loaded.refusals[name] = reason
        case {"failed": "compile", "message": reason, "log": log}:
            raise CompileError(reason, log)
        case {"failed": _, "message": reason}:
            raise CannotTraceError(reason)
    return "done" in message


def _how_it_ended(status: int) -> str:
    process = "the process that compiles the BPF programs"
    if status == -signal.SIGKILL:
        need = f"it briefly needs {COMPILER_BYTES >> 20} MiB"
        return f"{process} was killed, perhaps by the OOM killer: {need}; free some memory"
    if status < 0:
        return f"{process} was ended by {signal.Signals(-status).name}; try again"
    return f"{process} ended with status {status} before it was done; see: reclaim-tracer check"
