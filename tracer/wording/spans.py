"""A span in words: what it worked on and what came of it, from the fields of its events."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Final

from ..schema import SpanKind
from .numbers import count, plural

Fields = Mapping[str, int | str | None]

SPAN_NAMES: Final[Mapping[str, str]] = {
    SpanKind.DIRECT_RECLAIM: "direct reclaim",
    SpanKind.MEMCG_RECLAIM: "memcg reclaim",
    SpanKind.MEMCG_SOFTLIMIT_RECLAIM: "memcg soft limit reclaim",
    SpanKind.NODE_RECLAIM: "node reclaim",
    SpanKind.KSWAPD: "kswapd awake",
    SpanKind.BALANCE_PGDAT: "kswapd works",
    SpanKind.BALLOON_WORK: "balloon work",
    SpanKind.UPDATE_BALLOON_SIZE: "update_balloon_size_func()",
    SpanKind.FILL_BALLOON: "balloon inflates",
    SpanKind.LEAK_BALLOON: "balloon leaks",
    SpanKind.BALLOON_SHRINKER: "balloon's shrinker",
    SpanKind.OOM_NOTIFIER: "OOM notifier",
    SpanKind.OOM_NOTIFY: "OOM notifier",
    SpanKind.OUT_OF_MEMORY: "out_of_memory()",
    SpanKind.COMPACTION: "compaction",
    SpanKind.PROACTIVE_RECLAIM: "proactive reclaim",
    SpanKind.DROP_CACHES: "drop_caches",
    SpanKind.SHRINK_SLAB: "shrinker",
}
"""What kinds of spans are called."""


def span_words(kind: str, fields: Fields) -> str:
    """`super_cache_scan: 50 objects freed, 400 scanned`; empty where nothing tells. Names are as recorded."""
    return ", ".join(_WORDS.get(kind, _nothing)(fields))


def _nothing(_fields: Fields) -> Iterator[str]:
    yield from ()


def _slab(fields: Fields) -> Iterator[str]:
    name, freed = fields.get("shrink_name") or fields.get("shrink") or "a shrinker", _number(fields, "retval")
    yield f"{name}" if freed is None else f"{name}: {plural(freed, 'object')} freed"
    yield from _named(fields, "scanned_objects", "{} scanned")
    yield from _named(fields, "priority", "priority {}")


def _reclaim(fields: Fields) -> Iterator[str]:
    yield from _named(fields, "nid", "node {}")
    yield from _pages(fields, "nr_reclaimed", "{} reclaimed")
    if "nr_reclaimed" not in fields:
        yield from _pages(fields, "lru_reclaimed_pages", "{} off the LRU")
    yield from _named(fields, "order", "order {}")


def _balloon(fields: Fields) -> Iterator[str]:
    yield from _moved(fields)
    yield from _pages(fields, "num_pages", "target {}")


def _fill(fields: Fields) -> Iterator[str]:
    yield from _asked(fields, "filled", "in")


def _leak(fields: Fields) -> Iterator[str]:
    yield from _asked(fields, "freed", "out")


def _asked(fields: Fields, moved: str, way: str) -> Iterator[str]:
    done, of = _number(fields, moved), _number(fields, "num")
    if done is not None:
        yield f"{count(done)}{'' if of is None else f' of {count(of)}'} pages {way}"
    elif of is not None:
        yield f"{plural(of, 'page')} wanted {way}"


def _callback(fields: Fields) -> Iterator[str]:
    if name := fields.get("cb_name") or fields.get("cb"):
        yield str(name)
    yield from _moved(fields)


def _shrinker(fields: Fields) -> Iterator[str]:
    yield from _named(fields, "freed", "freed {}")
    yield from _named(fields, "nr_to_scan", "nr_to_scan {}")
    yield from _moved(fields)


def _oom(fields: Fields) -> Iterator[str]:
    yield from _named(fields, "order", "order {}")
    yield from _named(fields, "constraint", "constraint {}")


def _returned(fields: Fields) -> Iterator[str]:
    yield from _named(fields, "status", "status {}")
    yield from _named(fields, "retval", "returned {}")


def _moved(fields: Fields) -> Iterator[str]:
    for name, way in (("inflated_pages", "in"), ("deflated_pages", "out")):
        if _number(fields, name):
            yield from _pages(fields, name, f"{{}} {way}")
    if _number(fields, "inflated_pages") == 0 == (_number(fields, "deflated_pages") or 0):
        yield "no page moved"


def _pages(fields: Fields, name: str, text: str) -> Iterator[str]:
    if (pages := _number(fields, name)) is not None:
        yield text.format(plural(pages, "page"))


def _named(fields: Fields, name: str, text: str) -> Iterator[str]:
    if (value := _number(fields, name)) is not None:
        yield text.format(count(value))


def _number(fields: Fields, name: str) -> int | None:
    value = fields.get(name)
    return value if isinstance(value, int) else None


_WORDS: Final[Mapping[str, Callable[[Fields], Iterator[str]]]] = {
    SpanKind.SHRINK_SLAB: _slab,
    SpanKind.DIRECT_RECLAIM: _reclaim,
    SpanKind.MEMCG_RECLAIM: _reclaim,
    SpanKind.MEMCG_SOFTLIMIT_RECLAIM: _reclaim,
    SpanKind.NODE_RECLAIM: _reclaim,
    SpanKind.KSWAPD: _reclaim,
    SpanKind.BALANCE_PGDAT: _reclaim,
    SpanKind.BALLOON_WORK: _balloon,
    SpanKind.UPDATE_BALLOON_SIZE: _balloon,
    SpanKind.FILL_BALLOON: _fill,
    SpanKind.LEAK_BALLOON: _leak,
    SpanKind.OOM_NOTIFIER: _callback,
    SpanKind.OOM_NOTIFY: _callback,
    SpanKind.BALLOON_SHRINKER: _shrinker,
    SpanKind.OUT_OF_MEMORY: _oom,
    SpanKind.COMPACTION: _returned,
    SpanKind.PROACTIVE_RECLAIM: _returned,
}
