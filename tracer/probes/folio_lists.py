"""Scans of the multi-gen LRU where no tracepoint tells of them: probes on the function that takes their folios."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from ..kernel.btf import Btf
from ..kernel.lru_gen import LruGen
from ..schema import KIND_BY_NAME
from .functions import FunctionProbes
from .probe import How, Probe, Source, Subject

FOLIO_LIST_FUNCTION: Final = "shrink_folio_list"
"""mm/vmscan.c; `shrink_page_list` before 6.1, when there was no multi-gen LRU."""

_PROGRAM: Final = "shrink_folio_list"
_LRU: Final = KIND_BY_NAME["lru_shrink_inactive"]
_CORE_BIT: Final = 1
"""LRU_GEN_CORE in include/linux/mmzone.h: without it the lists are the classic ones."""
_MEMBERS: Final = (
    ("scan_control", "nr_scanned"),
    ("scan_control", "priority"),
    ("pglist_data", "node_id"),
)
_STATISTICS: Final = (
    "nr_dirty",
    "nr_writeback",
    "nr_congested",
    "nr_immediate",
    "nr_activate",
    "nr_ref_keep",
    "nr_unmap_fail",
)
"""Members of struct reclaim_stat (include/linux/vmstat.h), all of them 32-bit words."""
_WORD_BYTES: Final = 4


def multi_gen_scans(functions: FunctionProbes, lru_gen: LruGen) -> Subject | None:
    """What shows the scans of the multi-gen LRU, where it is on; None elsewhere.

    A scan that `vmscan:mm_vmscan_lru_shrink_inactive` tells, as it does since 6.8, is told by it alone.
    """
    if lru_gen.enabled is None or not lru_gen.enabled & _CORE_BIT:
        return None
    if FOLIO_LIST_FUNCTION not in functions.symbols:
        obstacle = f"this kernel has no function {FOLIO_LIST_FUNCTION} (inlined)"
        return Subject((Source(f"function:{FOLIO_LIST_FUNCTION}", (_LRU,), obstacle=obstacle),))
    return Subject(tuple(_source(functions, traces=traces) for traces in (True, False)))


def _source(functions: FunctionProbes, *, traces: bool) -> Source:
    name = f"{How.FENTRY if traces else How.KPROBE}:{FOLIO_LIST_FUNCTION}"
    flags = folio_list_flags(functions.types, functions.arguments(FOLIO_LIST_FUNCTION))
    obstacle = functions.obstacle(FOLIO_LIST_FUNCTION, traces=traces)
    obstacle = obstacle or ("" if flags else "no BTF to locate a scan's numbers")
    return Source(name, (_LRU,), tuple(_probes(functions, traces=traces)), obstacle, flags)


def _probes(functions: FunctionProbes, *, traces: bool) -> list[Probe]:
    """Filtered: what a program lets pass because the tracepoint tells it is not missed."""
    entry = functions.probe(_PROGRAM, FOLIO_LIST_FUNCTION, None, on_return=False, traces=traces)
    end = functions.probe(f"{_PROGRAM}_returns", FOLIO_LIST_FUNCTION, _LRU, on_return=True, traces=traces)
    return [entry, replace(end, is_filtered=True)]


def folio_list_flags(types: Btf | None, arguments: int) -> tuple[str, ...]:
    """Compiler flags that say where a scan's numbers are; none where that is not known. `arguments` it takes."""
    if types is None:
        return ()
    places = {f"RT_AT_{owner}_{member}": types.member_offset_bytes(owner, member) for owner, member in _MEMBERS}
    places["RT_PG_swapbacked"] = types.enumerator("PG_swapbacked")
    found = {name: types.member_offset_bytes("reclaim_stat", name) for name in _STATISTICS}
    words = {name: at // _WORD_BYTES for name, at in found.items() if at is not None}
    if any(place is None for place in places.values()) or not words:
        return ()
    # `nr_activate` has two; what the kernel lacks is read behind the last, where there is a 0.
    count = max(words.values()) + 2
    places |= {f"RT_STAT_{name}": words.get(name, count) for name in _STATISTICS}
    return (
        f"-DRT_WITH_{_PROGRAM}",
        f"-DRT_RETURN_OF_{_PROGRAM}={arguments}",
        f"-DRT_STAT_WORDS={count}",
        *(f"-D{name}={place}" for name, place in places.items()),
    )
