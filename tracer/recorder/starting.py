"""Before anything is started: what it will take is held against what is available, and sizes follow that."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final, NamedTuple

from ..buffer_sizes import default_buffer_bytes, default_queue_bytes
from ..errors import CannotTraceError
from ..kernel.host import online_cpus
from ..kernel.memory_room import MACHINE, MemoryRoom, memory_room
from ..kernel.paths import ROOT
from ..probes.transport import Transport, choose_transport
from ..terminal.messages import Messages
from .memory_need import MIB, MemoryNeed, mib

FORCE: Final = "--force-start"
_TIGHT: Final = 1 / 4
"""A start that takes more than this share of what is available is worth a line."""


@dataclass(frozen=True)
class Wish:
    """What a recording was asked to take: sizes in bytes, None where they may follow the memory that is available.

    `compiles` says whether its programs have to be compiled; `load_bytes` is what runs beside it on its behalf.
    """

    buffer_bytes: int | None = None
    queue_bytes: int | None = None
    transport: Transport | None = None
    compiles: bool = True
    load_bytes: int = 0


@dataclass(frozen=True)
class Start:
    """The sizes that it gets, and what was available when they were chosen."""

    room: MemoryRoom
    buffer_bytes: int
    queue_bytes: int


class Verdict(NamedTuple):
    """What a start takes of what is available; `advice` is empty where it may start."""

    told: str
    advice: str = ""


def look_before_start(
    wish: Wish, say: Messages, *, force: bool = False, advise: bool = True, root: Path = ROOT
) -> Start:
    """Choose the sizes, and say what it will take.

    Raises CannotTraceError where that is more than half of what is available, unless forced; where nobody knows what is
    available, it starts. `advise` is for who has `record`'s options.
    """
    start = _start(wish, root)
    need, room = _need(wish, start, root), start.room
    told = f"starting takes up to {_told(need, room)}"
    if not room.allows(need.peak_bytes) and not force:
        advice = f": {_advice(wish, start, root)}, or start all the same with {FORCE}" if advise else ""
        raise CannotTraceError(f"{told}, more than half{advice}")
    if room.available_bytes is None or need.peak_bytes > room.available_bytes * _TIGHT:
        say.info(f"Memory is {'not known' if room.available_bytes is None else 'short'}: {told}")
    else:
        say.detail(f"memory: {told}")
    return start


def may_start(wish: Wish, root: Path = ROOT) -> Verdict:
    """The same for another process, without starting it; and where it takes too much, what to do."""
    start = _start(wish, root)
    need = _need(wish, start, root, another=True)
    if start.room.allows(need.peak_bytes):
        return Verdict(_told(need, start.room))
    return Verdict(
        f"{_told(need, start.room)}, more than half", f"{_advice(wish, start, root, another=True)}, or {FORCE}"
    )


def _start(wish: Wish, root: Path) -> Start:
    room = memory_room(root)
    return Start(room, *_sizes(wish, room, root))


def _told(need: MemoryNeed, room: MemoryRoom) -> str:
    if room.available_bytes is None:
        return f"{need}; nothing tells how much is available"
    return f"{need} of {mib(room.available_bytes)} MiB available ({room.limited_by})"


def _sizes(wish: Wish, room: MemoryRoom, root: Path) -> tuple[int, int]:
    """Of the kernel's buffers, and of the queue."""
    transport = wish.transport or choose_transport().transport
    buffers = len(online_cpus(root)) if transport is Transport.PERF else 1
    return (
        wish.buffer_bytes or default_buffer_bytes(room.available_bytes, buffers),
        wish.queue_bytes or default_queue_bytes(room.available_bytes),
    )


def _need(wish: Wish, start: Start, root: Path, *, another: bool = False) -> MemoryNeed:
    return MemoryNeed.of(
        compiles=wish.compiles,
        buffer_bytes=start.buffer_bytes,
        queue_bytes=start.queue_bytes,
        load_bytes=wish.load_bytes,
        another=another,
        root=root,
    )


def _advice(wish: Wish, start: Start, root: Path, *, another: bool = False) -> str:
    """What would make it fit, the least first."""

    def fits(less: Wish, sizes: Start) -> bool:
        return start.room.allows(_need(less, sizes, root, another=another).peak_bytes)

    ways = (way for way, less, sizes in _lesser(wish, start) if fits(less, sizes))
    more = "free some memory" if start.room.limited_by == MACHINE else "raise its limit"
    return next(ways, more)


def _lesser(wish: Wish, start: Start) -> Iterator[tuple[str, Wish, Start]]:
    """Ways to take less, each with what it leaves."""
    small, compiled = replace(start, buffer_bytes=MIB, queue_bytes=MIB), replace(wish, compiles=False)
    carried, smaller = "use compiled programs (--programs FILE)", "--buffer-size 1 --queue-size 1"
    if wish.compiles:
        yield carried, compiled, start
    yield f"use smaller buffers ({smaller})", wish, small
    if wish.compiles:
        yield f"{carried} and smaller buffers ({smaller})", compiled, small
