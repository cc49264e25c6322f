"""Whether compiled programs are those that a request would have had compiled, and what is another where they aren't."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from ... import __version__
from ...errors import printable
from ..request import LoadRequest
from .entry import Entry, Purpose

_DEFINITION: Final = re.compile(r"-D(\w+)")


def purpose_of(request: LoadRequest) -> Purpose:
    """What a request would have compiled. Folders that headers are in are no part of it: their contents are."""
    return Purpose(
        request.release,
        request.machine,
        request.source_digest,
        tuple(flag for flag in request.flags if not flag.startswith("-I")),
        tuple(sorted(request.source_flags)),
        __version__,
    )


def does(made: Purpose, wanted: Purpose) -> bool:
    """Whether programs made for one purpose serve another: there may be more of them, and fields of them."""
    return (
        (made.source_digest, made.machine, made.flags) == (wanted.source_digest, wanted.machine, wanted.flags)
    ) and set(made.source_flags) >= set(wanted.source_flags)


def has_all(entry: Entry, request: LoadRequest) -> bool:
    """Whether an entry has every program and map that a request wants."""
    maps = {definition.name for definition in entry.maps}
    return entry.programs.keys() >= request.wanted and maps >= set(request.maps)


def why_none_fits(purposes: Sequence[Purpose], wanted: Purpose) -> str:
    """In one line, what is another in the one that comes nearest."""
    if not purposes:
        return "it holds no programs"
    if not (same := [made for made in purposes if made.machine == wanted.machine]):
        return f"its programs are for {printable(purposes[0].machine)}, this machine is {wanted.machine}"
    if not (ours := [made for made in same if made.source_digest == wanted.source_digest]):
        return f"its programs were made by another version of reclaim-tracer ({printable(same[-1].tool_version)})"
    best = min(ours, key=lambda made: (len(_missing(made, wanted)), made.release != wanted.release))
    differing = [_words(flag) for flag in _missing(best, wanted)]
    what = differing[0] if differing else "the programs that it holds"
    if best.release != wanted.release:
        return f"it has none for kernel {wanted.release}; those for {printable(best.release)} differ in {what}"
    more = f" and {len(differing) - 1} more" if len(differing) > 1 else ""
    return f"its programs for {printable(best.release)} differ in {what}{more}"


def _missing(made: Purpose, wanted: Purpose) -> list[str]:
    """Flags that one lacks, in the other's order; those that hold for all programs must not be more either."""
    extra = [flag for flag in made.flags if flag not in wanted.flags]
    all_made = {*made.flags, *made.source_flags}
    return [*(flag for flag in (*wanted.flags, *wanted.source_flags) if flag not in all_made), *extra]


def _words(flag: str) -> str:
    """What a compiler's flag is about, for people."""
    match = _DEFINITION.match(flag)
    name = printable(match[1] if match else flag)
    if name == "LINUX_VERSION_CODE":
        return "the kernel's version"
    if name == "RT_TRANSPORT_PERF":
        return "--transport"
    if name == "RT_LRU_PER_SPAN":
        return "--lru-detail"
    # numpy comes with it, which a compiler that is needed does not wait for.
    from ...schema import KIND_BY_NAME

    for kind in KIND_BY_NAME.values():
        for prefix in ("RT_AT_", "RT_HAS_"):
            field = name.removeprefix(f"{prefix}{kind.name}_")
            if field != name and kind.tracepoint and field in dict(kind.fields):
                return f"the format of {kind.tracepoint} (field {field})"
        if name == f"RT_WITH_{kind.name}":
            return kind.tracepoint or kind.name
    return f"what {name} says"
