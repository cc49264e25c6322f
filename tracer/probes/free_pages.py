"""Free memory that drivers report or hint to the host: how many pages, by probes on their functions."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Final

from ..kernel.btf import Btf
from ..kernel.paths import ROOT, read_text
from ..schema import KIND_BY_NAME
from .functions import WITH_FUNCTIONS, FunctionProbes, Traced
from .probe import How, Source, Subject

_REPORT: Final = Traced("virtballoon_free_page_report", None, ("virtballoon_free_page_report", "hv_free_page_report"))
"""The callback of virtio's balloon driver, and Hyper-V's (drivers/hv/hv_balloon.c): same arguments."""
_HINTS: Final = KIND_BY_NAME["report_free_page"]
_HINT_FUNCTION: Final = "report_free_page_func"
_BALLOON_MEMBERS: Final = ("report_free_page_work", "num_free_page_blocks", "cmd_id_received_cache")
"""Of struct virtio_balloon, drivers/virtio/virtio_balloon.c."""
_BUDDY_COLUMNS_BEFORE: Final = 4
"""`Node 0, zone Normal` in a line of /proc/buddyinfo."""

FREE_PAGE_FUNCTIONS: Final = (*_REPORT.functions, _HINT_FUNCTION)


def free_page_subjects(functions: FunctionProbes, page_bytes: int, root: Path = ROOT) -> Iterator[Subject]:
    """What shows free page reporting, and free page hinting."""
    yield Subject(tuple(_report_sources(functions, page_bytes)))
    yield Subject(tuple(_hint_sources(functions, root)))


def _report_sources(functions: FunctionProbes, page_bytes: int) -> Iterator[Source]:
    """Where the kernel's types are unknown, so are the pages of a report."""
    listed = _list_flags(functions.types)
    absent = {} if listed else {_REPORT.begin: ("reported_pages",)}
    flags = (f"-DRT_WITH_{_REPORT.begin}", f"-DRT_PAGE_BYTES={page_bytes}", *listed)
    for source in functions.sources(_REPORT):
        yield source if source.obstacle else replace(source, flags=(*source.flags, *flags), absent=absent)


def _list_flags(types: Btf | None) -> tuple[str, ...]:
    length = types.member_offset_bytes("scatterlist", "length") if types else None
    size = types.size_bytes("scatterlist") if types else None
    return (
        ()
        if length is None or size is None
        else (
            f"-DRT_AT_scatterlist_length={length}",
            f"-DRT_SCATTERLIST_BYTES={size}",
        )
    )


def _hint_sources(functions: FunctionProbes, root: Path) -> Iterator[Source]:
    if _HINT_FUNCTION not in functions.symbols:
        obstacle = f"this kernel has no function {_HINT_FUNCTION} (its driver is not loaded)"
        yield Source(f"function:{_HINT_FUNCTION}", (_HINTS,), obstacle=obstacle)
        return
    flags = _hint_flags(functions.types_of(functions.module(_HINT_FUNCTION)), hint_block_pages(root))
    for traces in (True, False):
        probes = (
            functions.probe(f"{_HINTS.name}_begin", _HINT_FUNCTION, None, on_return=False, traces=traces),
            functions.probe(_HINTS.name, _HINT_FUNCTION, _HINTS, on_return=True, traces=traces),
        )
        name = f"{How.FENTRY if traces else How.KPROBE}:{_HINT_FUNCTION}"
        obstacle = functions.obstacle(_HINT_FUNCTION, traces=traces)
        obstacle = obstacle or ("" if flags else "no BTF to locate the driver's count of hinted pages")
        yield Source(name, (_HINTS,), probes, obstacle, flags)


def _hint_flags(types: Btf | None, block_pages: int | None) -> tuple[str, ...]:
    found = {name: types.member_offset_bytes("virtio_balloon", name) if types else None for name in _BALLOON_MEMBERS}
    if block_pages is None or None in found.values():
        return ()
    places = (f"-DRT_AT_virtio_balloon_{name}={place}" for name, place in found.items())
    return (WITH_FUNCTIONS, f"-DRT_WITH_{_HINTS.name}", f"-DRT_HINT_BLOCK_PAGES={block_pages}", *places)


def hint_block_pages(root: Path = ROOT) -> int | None:
    """Pages of a hint, the page allocator's largest block: VIRTIO_BALLOON_HINT_BLOCK_ORDER. None where unknown."""
    orders = buddy_orders(root)
    return None if orders is None else 1 << orders - 1


def buddy_orders(root: Path = ROOT) -> int | None:
    """How many sizes of block the page allocator has; None where unknown."""
    lines = (read_text(root, "/proc/buddyinfo") or "").splitlines()
    orders = len(lines[0].split()) - _BUDDY_COLUMNS_BEFORE if lines else 0
    return orders if orders > 0 else None
