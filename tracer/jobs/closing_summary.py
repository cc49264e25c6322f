"""The summary after a recording, and the demo's report, by a process that may be refused memory, or be killed, without
harm.

The recorder is done and has let go of buffers and programs by then. What makes the summary takes more memory than
recording did (numbers in docs/recording.md), so it is not begun where that would be felt, and is the first that the OOM
killer takes.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Final

from ..errors import RecordingError, shell_word, shown
from ..freed_memory import give_back_freed_memory
from ..kernel.memory_room import memory_room
from ..programs import end_with_parent, kill_first
from ..recorder.handover import begin_beside
from ..terminal.loading import interrupted_afterwards, loading
from ..terminal.messages import say

if TYPE_CHECKING:
    from ..analyze import Analysis
    from ..outputs import FileIdentity
    from ..recorder.capture import Captured
    from ..recording_facts import RecordingFacts

_NEED_BYTES: Final = 48 << 20
"""Of a small recording, 20 MiB of them anonymous and 15 MiB of code and libraries, and some room for a larger one."""
_NO_MEMORY: Final = 75
"""The child's exit code where it got no memory; EX_TEMPFAIL, sysexits.h."""
_NOT_STARTED: Final = 127
"""The dynamic linker's, and posix_spawn's, where a program can't be started after all."""


def print_summary(captured: Captured, *, verbose: bool, page: Path | None = None) -> bool:
    """Whether there is one on stdout now; where memory is short a line on stderr says how to make it later.

    With a `page`, a report of that name is written first.

    Exits with the child's code where it failed otherwise and has said why: stdout that can't be written, another file
    by the recording's name.
    """
    give_back_freed_memory()
    room = memory_room()
    if not room.allows(_NEED_BYTES):
        why = f"{_NEED_BYTES >> 20} MiB are more than half of what is available ({room.limited_by})"
    else:
        why = _why_none(captured, verbose=verbose, page=page)
    if why:
        what, command = ("summary", "summary") if page is None else ("summary or report", "report")
        path = captured.path
        again = f"reclaim-tracer {command} {shell_word(path)}"
        say(f"{shown(path)} is complete; no {what} was made ({why}); try: {again}")
    return not why


def run(
    path: Path, identities: Mapping[Path, FileIdentity], parent: int, *, verbose: bool, page: Path | None = None
) -> None:
    """In the child: analyse what was recorded and print it. Raises TracerError, OSError."""
    if not end_with_parent(parent):
        return
    kill_first(os.getpid())
    try:
        text = _text(path, identities, verbose=verbose, page=page)
    except MemoryError:
        sys.exit(_NO_MEMORY)
    except RecordingError as error:
        # The bound on what an analysis may take.
        if isinstance(error.__cause__, MemoryError):
            sys.exit(_NO_MEMORY)
        raise
    sys.stdout.write(text)
    sys.stdout.flush()


def _text(path: Path, identities: Mapping[Path, FileIdentity], *, verbose: bool, page: Path | None) -> str:
    with loading():
        from ..terminal.paper import stdout_paper
        from ..terminal.summary_text import summary_text
        from .analysis import analyse_written

    if page is None:
        analysis, facts = analyse_written(path, identities)
    else:
        analysis, facts = _reported(path, identities, page)
    return summary_text(analysis, facts, stdout_paper(), verbose=verbose)


def _reported(path: Path, identities: Mapping[Path, FileIdentity], page: Path) -> tuple[Analysis, RecordingFacts]:
    """What was recorded, of which a report is written. Raises TracerError."""
    with loading():
        from ..report import write_report
        from ..store import open_recording
        from .memory_bound import bounded_memory
        from .standing import analyse_for_report

    with bounded_memory(path):
        found = analyse_for_report(open_recording(path, identities))
        write_report(
            page,
            found.analysis,
            found.facts,
            [path],
            force=True,
            evidence=found.evidence,
            anatomies=found.anatomies,
        )
    return found.analysis, found.facts


def _why_none(captured: Captured, *, verbose: bool, page: Path | None) -> str:
    """Why the child did not make it; empty where it did."""
    try:
        status = _status(captured, verbose=verbose, page=page)
    except OSError as error:
        return f"no process for it: {error.strerror}"
    if status == _NO_MEMORY:
        return "not enough memory"
    if status < 0:
        return f"its process was ended by {signal.Signals(-status).name}"
    if status == _NOT_STARTED:
        return "no room for its program"
    if status:
        sys.exit(status)
    return ""


def _status(captured: Captured, *, verbose: bool, page: Path | None) -> int:
    """The child's exit code, negative the signal that ended it. Raises OSError where it can't be started.

    Where Ctrl-C comes, the child ends, too.
    """
    arguments = {"path": captured.path, "identities": dict(captured.identities), "verbose": verbose, "page": page}
    child: int | None = None
    try:
        with interrupted_afterwards():
            child = begin_beside(__name__, arguments | {"parent": os.getpid()})
        return _end_of(child)
    except KeyboardInterrupt:
        if child is not None:
            with suppress(ProcessLookupError):
                os.kill(child, signal.SIGTERM)
            _end_of(child)
        raise


def _end_of(child: int) -> int:
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
