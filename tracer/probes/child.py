"""What the compiling child runs: compile with bcc, hand the programs over, end. Started by `compiling.py`.

It reads a request from stdin, JSON, and answers on a pipe: a file of programs (`carried/file_format.py`), or JSON that
says what went wrong. Its parent keeps what is said on stderr. The second argument is the pipe's number, the third the
parent's.
"""

from __future__ import annotations

import ctypes
import json
import os
import signal
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

from ..errors import CannotTraceError
from .carried.entry import Entry, Purpose
from .carried.extract import extract
from .carried.file_format import encode
from .compiler import CompileError, Module
from .finder import load_bcc
from .own_kallsyms import replace_kallsyms

_SET_PARENT_DEATH_SIGNAL: Final = 1
"""PR_SET_PDEATHSIG, include/uapi/linux/prctl.h."""


def main() -> None:
    """Answer one request and end; end as well when the parent does, or no longer listens."""
    ctypes.CDLL(None).prctl(_SET_PARENT_DEATH_SIGNAL, signal.SIGKILL)
    channel, parent = int(sys.argv[2]), int(sys.argv[3])
    if os.getppid() == parent:
        with suppress(CannotTraceError):
            load_bcc()
        # The request comes when its sender is ready. One that has thought better of it sends nothing.
        if text := sys.stdin.buffer.read():
            with suppress(BrokenPipeError), os.fdopen(channel, "wb") as answer:
                answer.write(_answer(json.loads(text)))
    # Taking bcc and LLVM apart is wasted time: the kernel takes all of it back.
    os._exit(0)


def _answer(request: Any) -> bytes:  # noqa: ANN401 - JSON
    try:
        return encode([_compile(request)])
    except CompileError as error:
        failure = {"failed": "compile", "message": str(error)}
    except CannotTraceError as error:
        failure = {"failed": "bcc", "message": str(error)}
    return json.dumps(failure).encode()


def _compile(request: Any) -> Entry:  # noqa: ANN401
    # Where that is refused it takes longer.
    replace_kallsyms(Path(request["kernel_source"]) / "include/kallsyms")
    module = Module(request["text"], request["flags"], Path(request["kernel_source"]))
    return extract(Purpose(**request["purpose"], compiler=module.compiler), module.maps(), module.programs())
