"""A start that has no chance is refused before the command line's modules are there: they would take what is left."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

_ROOT: Final = Path("/")
_LITTLE_KIB: Final = 384 << 10
"""Where less is available it is worth a look, which takes some 20 ms: a start that compiles takes half of it."""
_ANYWAY: Final = frozenset({"--force-start", "--help", "-h"})


def refuse_hopeless(arguments: Sequence[str], root: Path = _ROOT) -> None:
    """Exit where `record` would take too much even with the smallest buffers.

    What asks for more is refused once its options are read.
    """
    if arguments[:1] != ["record"] or not _ANYWAY.isdisjoint(arguments) or not _has_little(root):
        return
    from ..lean_imports import put_off

    put_off()
    from ..errors import CannotTraceError
    from ..probes.carried.cache import Cache
    from ..probes.loader import may_compile
    from ..probes.transport import Transport
    from ..terminal.messages import Messages
    from .memory_need import MIB
    from .starting import Wish, look_before_start

    carried = any(word.startswith("--programs") for word in arguments)
    compiles = not carried and may_compile(None, None if "--no-cache" in arguments else Cache())
    least = Wish(MIB, MIB, Transport.RING, compiles=compiles)
    try:
        look_before_start(least, Messages(quiet=True), root=root)
    except CannotTraceError as error:
        _exit(error)


def _exit(error: Exception) -> None:
    from ..terminal.exit_codes import run_to_exit

    def fail() -> None:
        raise error

    run_to_exit(fail)


def _has_little(root: Path) -> bool:
    """Whether the machine has; a look at its cgroups comes later, in the recorder."""
    try:
        lines = (root / "proc/meminfo").read_bytes().splitlines()
    except OSError:
        return False
    available = (line.split()[1] for line in lines if line.startswith(b"MemAvailable:") and line.endswith(b" kB"))
    return int(next(available, _LITTLE_KIB)) < _LITTLE_KIB
