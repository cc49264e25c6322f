"""A single event in words: what it did, from its fields."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Final

from .numbers import bytes_, count, duration, plural

Fields = Mapping[str, int | str | None]

_KIB: Final = 1024
_SIGKILL: Final = 9
_THROTTLED: Final = {1: "writeback", 2: "isolated", 4: "no progress", 8: "congested"}
"""By bits of VMSCAN_THROTTLE_* (include/linux/mmzone.h)."""


def event_words(kind: str, fields: Fields) -> str:
    """`victim hog (77), 512.0 MiB anon`; empty where nothing tells. Names are as recorded."""
    return ", ".join(_WORDS.get(kind, _nothing)(fields))


def _nothing(_fields: Fields) -> Iterator[str]:
    yield from ()


def _victim(fields: Fields) -> Iterator[str]:
    yield f"victim {_task(fields)}"
    if anon := _number(fields, "anon_rss"):
        yield f"{bytes_(anon * _KIB)} anon"
    if (adjusted := _number(fields, "oom_score_adj")) and _number(fields, "total_vm"):
        yield f"oom_score_adj {adjusted}"


def _signal(fields: Fields) -> Iterator[str]:
    number = _number(fields, "sig")
    name = "SIGKILL" if number == _SIGKILL else "a signal" if number is None else f"signal {number}"
    yield f"{name} to {_task(fields)}"


def _throttled(fields: Fields) -> Iterator[str]:
    if (waited := _number(fields, "usec_delayed")) is not None:
        yield f"waited {duration(waited * 1000)}"
    if why := _THROTTLED.get(_number(fields, "reason") or 0):
        yield f"reason: {why}"


def _failed(fields: Fields) -> Iterator[str]:
    yield from _node(fields)
    if (failures := _number(fields, "failures")) is not None:
        yield f"{plural(failures, 'failure')} in a row"


def _node(fields: Fields) -> Iterator[str]:
    if (nid := _number(fields, "nid")) is not None:
        yield f"node {count(nid)}"


def _changed(_fields: Fields) -> Iterator[str]:
    yield "the host changed the device's configuration"


def _module(fields: Fields) -> Iterator[str]:
    if name := fields.get("module_name"):
        yield str(name)


def _task(fields: Fields) -> str:
    name, pid = fields.get("victim_comm") or "a task", _number(fields, "pid")
    return f"{name}" if pid is None else f"{name} ({pid})"


def _number(fields: Fields, name: str) -> int | None:
    value = fields.get(name)
    return value if isinstance(value, int) else None


_WORDS: Final[Mapping[str, Callable[[Fields], Iterator[str]]]] = {
    "mark_victim": _victim,
    "signal_generate": _signal,
    "throttled": _throttled,
    "kswapd_reclaim_fail": _failed,
    "kswapd_clear_hopeless": _node,
    "virtballoon_changed": _changed,
    "module_load": _module,
    "module_free": _module,
}
