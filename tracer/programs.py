"""Starting other programs: nothing that lies in the current directory, or that a user's environment names, is run."""

from __future__ import annotations

import ctypes
import os
import signal
import sys
from collections.abc import Iterable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final

_SYSTEM_PATH: Final = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_NO_HOME: Final = "/nonexistent"
"""Debian policy 9.2.3: a home directory that is never there."""
_SET_PARENT_DEATH_SIGNAL: Final = 1
"""PR_SET_PDEATHSIG, include/uapi/linux/prctl.h."""
_FIRST_VICTIM: Final = "1000"
"""OOM_SCORE_ADJ_MAX, include/uapi/linux/oom.h."""
_KEPT: Final = ("LANG", "LC_ALL", "LC_CTYPE", "TMPDIR")


def safe_module_path() -> list[str]:
    """This interpreter's search path for modules without what follows the current directory."""
    return [entry for entry in sys.path if os.path.isabs(entry)]  # noqa: PTH117 - entries may be archives


def isolated_python(program: str, arguments: Iterable[str] = (), *, options: Sequence[str] = ()) -> list[str]:
    """The words that start this interpreter on `program`, the text of a program.

    `-I` keeps the current directory and the environment's PYTHON* out of it. `options` are further ones of Python's.
    """
    cached = ["-B"] if sys.dont_write_bytecode else []
    return [sys.executable, "-I", *options, *cached, "-c", program, *arguments]


def find_program(name: str) -> Path | None:
    """An executable of that name in a directory that PATH names by its whole path; None where there is none."""
    for folder in os.environ.get("PATH", _SYSTEM_PATH).split(os.pathsep):
        found = Path(folder, name)
        if found.is_absolute() and found.is_file() and os.access(found, os.X_OK):
            return found
    return None


def tool_environment() -> dict[str, str]:
    """What a tool that only reads a file needs to know: language and system programs, no user's plugins or settings.

    trace-cmd loads plugins from `$HOME/.local/lib` and where `TRACEEVENT_PLUGIN_DIR` says (libtraceevent,
    event-plugin.c); perf reads `$HOME/.perfconfig`.
    """
    kept = {name: os.environ[name] for name in _KEPT if name in os.environ}
    return kept | {"PATH": _SYSTEM_PATH, "HOME": _NO_HOME}


def kill_first(pid: int) -> None:
    """Have the OOM killer take a process before any other; everybody may say that of one of his own."""
    with suppress(OSError):
        Path(f"/proc/{pid}/oom_score_adj").write_text(_FIRST_VICTIM)


def end_with_parent(parent: int) -> bool:
    """Have the kernel kill this process when the one that started it ends; False where that one, `parent`, is gone."""
    ctypes.CDLL(None).prctl(_SET_PARENT_DEATH_SIGNAL, signal.SIGKILL)
    return os.getppid() == parent
