"""What the loading child runs: compile and load with bcc, hand descriptors over, end. Started by `loading.py`.

It reads a request from stdin and answers on a socket, a message at a time: JSON, with the descriptor it speaks of. The
second argument is the socket's number, the third the parent's.
"""

from __future__ import annotations

import ctypes
import json
import os
import signal
import socket
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

from ..errors import CannotTraceError
from .compiler import CompileError, LoadError, Module
from .finder import load_bcc
from .own_kallsyms import replace_kallsyms

_LOG_CHARACTERS: Final = 1 << 16
"""What of a compiler's or verifier's story fits a message."""
_SET_PARENT_DEATH_SIGNAL: Final = 1
"""PR_SET_PDEATHSIG, include/uapi/linux/prctl.h."""


def main() -> None:
    """Answer one request and end; end as well when the parent does, or no longer listens."""
    ctypes.CDLL(None).prctl(_SET_PARENT_DEATH_SIGNAL, signal.SIGKILL)
    channel, parent = socket.socket(fileno=int(sys.argv[2])), int(sys.argv[3])
    if os.getppid() == parent:
        with suppress(CannotTraceError):
            load_bcc()
        # The request comes when its sender is ready. One that has thought better of it sends nothing.
        if text := sys.stdin.buffer.read():
            with suppress(BrokenPipeError):
                _answer(json.loads(text), channel)
    # Taking bcc and LLVM apart is wasted time: the kernel takes all of it back.
    os._exit(0)


def _answer(request: Any, channel: socket.socket) -> None:  # noqa: ANN401 - JSON
    try:
        _load(request, channel)
    except CompileError as error:
        _send(channel, {"failed": "compile", "message": str(error), "log": error.log[:_LOG_CHARACTERS]})
    except CannotTraceError as error:
        _send(channel, {"failed": "bcc", "message": str(error)})


def _load(request: Any, channel: socket.socket) -> None:  # noqa: ANN401
    # Where that is refused it takes longer.
    replace_kallsyms(Path(request["kernel_source"]) / "include/kallsyms")
    module = Module(request["text"], request["flags"], Path(request["kernel_source"]))
    for name in request["maps"]:
        _send(channel, {"map": name}, [module.map_fd(name.encode())])
    for name, program_type in request["programs"]:
        _load_one(channel, name, lambda: module.load(name, program_type))  # noqa: B023 - called at once
    for name, program, on_return, type_number, owner in request["traced"]:
        _load_one(channel, name, lambda: module.load_traced(program, type_number, owner, on_return=on_return))  # noqa: B023
    _send(channel, {"done": True})


def _load_one(channel: socket.socket, name: str, load: Callable[[], int]) -> None:
    try:
        _send(channel, {"program": name}, [load()])
    except LoadError as error:
        _send(channel, {"refused": name, "message": str(error), "log": error.log[:_LOG_CHARACTERS]})


def _send(channel: socket.socket, message: dict[str, Any], descriptors: Sequence[int] = ()) -> None:
    socket.send_fds(channel, [json.dumps(message).encode()], list(descriptors))
