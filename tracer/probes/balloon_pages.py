"""Who counts the pages of the balloon's runs: its functions, the kernel's event counters, or the page allocator."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Final

from ..kernel.gfp import gfp_mask
from ..kernel.paths import ROOT, number_list, read_text
from ..kernel.tracefs import why_absent
from ..metadata import BalloonInfo
from ..schema import KIND_BY_NAME
from .boot_constants import constant_flag
from .functions import WITH_FUNCTIONS, FunctionProbes
from .probe import How, PageSource, Probe, Source

COUNTER_SYMBOLS: Final = ("vm_event_states", "__per_cpu_offset")
"""Per-CPU event counters, and where each CPU's copy is: mm/vmstat.c, include/asm-generic/percpu.h."""
PAGE_FUNCTIONS: Final = (
    "balloon_page_enqueue",
    "balloon_page_dequeue",
    "balloon_page_list_enqueue",
    "balloon_page_list_dequeue",
)
"""mm/balloon_compaction.c (mm/balloon.c); VMware's driver uses those for lists."""
ALLOC: Final = "kmem:mm_page_alloc"
FREE: Final = "kmem:mm_page_free"

_RUN_PAGES: Final = KIND_BY_NAME["balloon_run_pages"]
_NOTIFIER_END: Final = KIND_BY_NAME["oom_notifier_end"]
_BALLOON_FLAGS: Final = ("__GFP_NORETRY", "__GFP_NOMEMALLOC", "__GFP_HIGHMEM")
"""What every balloon driver on the kernel's balloon pages allocates them with (balloon_page_alloc)."""
_UNROLLED_CPUS: Final = 16
"""Up to so many bpf/runs.bpf.c adds counters up without a loop."""
_WAITING_FLAG: Final = "__GFP_DIRECT_RECLAIM"


class PageSources:
    """Makes sources for `balloon_run_pages`, and for the ends that `notifier:notifier_run` lacks."""

    def __init__(self, functions: FunctionProbes, balloon: BalloonInfo, root: Path = ROOT) -> None:
        self._functions = functions
        self._balloon = balloon
        self._in_lists = balloon.driver == "vmw_balloon"
        self._root = root

    def sources(self, wanted: PageSource) -> Iterator[Source]:
        """The wanted one, or all of them, best first; none for samples."""
        ways = {
            PageSource.FENTRY: self._traced,
            PageSource.KPROBE: self._kprobes,
            PageSource.COUNTERS: self._counters,
            PageSource.PAGES: self._allocator,
        }
        wanted = PageSource.PAGES if wanted is PageSource.TRACEPOINTS else wanted
        for name, way in ways.items():
            if wanted in (PageSource.AUTO, name):
                yield way()

    def notifier_end(self) -> Source:
        """The thread's next page allocation after a callback on the OOM notifier chain."""
        probe = Probe("page_alloc", How.RAW_TRACEPOINT, ALLOC, _NOTIFIER_END, is_filtered=True)
        flags, obstacle = self._allocator_flags()
        return Source(f"notifier end at {ALLOC}", (_NOTIFIER_END,), (probe,), obstacle, flags)

    def shrinker_leaks(self) -> bool:
        """Whether pages that the balloon's shrinker frees are the balloon's.

        virtio's of kernels with its OOM notifier only returns free page hints.
        """
        hints = self._balloon.driver == "virtio_balloon" and self._balloon.reclaim_path != "shrinker"
        return not hints

    def _traced(self) -> Source:
        into, out = self._page_functions()
        probes = (self._function(into, traces=True), self._function(out, traces=True))
        obstacle = self._functions_obstacle((into, out), traces=True)
        return self._source(f"fentry:{into}", PageSource.FENTRY, probes, obstacle, (WITH_FUNCTIONS,))

    def _kprobes(self) -> Source:
        into, out = self._page_functions()
        probes = (self._function(into, traces=False), self._function(out, traces=False))
        obstacle = self._functions_obstacle((into, out), traces=False)
        return self._source(f"kprobe:{into}", PageSource.KPROBE, probes, obstacle, (WITH_FUNCTIONS,))

    def _counters(self) -> Source:
        flags, boot, obstacle = vm_event_counters(self._functions, self._root)
        source = self._source("counters:vm_event_states", PageSource.COUNTERS, (), obstacle, flags)
        return replace(source, boot=boot)

    def _allocator(self) -> Source:
        probes = (
            Probe("page_alloc", How.RAW_TRACEPOINT, ALLOC, is_filtered=True),
            Probe("page_free", How.RAW_TRACEPOINT, FREE, is_filtered=True),
        )
        flags, obstacle = self._allocator_flags()
        return self._source(f"raw_tracepoint:{ALLOC}", PageSource.PAGES, probes, obstacle, flags)

    def _source(
        self, name: str, way: PageSource, probes: tuple[Probe, ...], obstacle: str, flags: tuple[str, ...]
    ) -> Source:
        return Source(name, (_RUN_PAGES,), probes, obstacle, flags, page_source=way)

    def _page_functions(self) -> tuple[str, str]:
        return PAGE_FUNCTIONS[2:] if self._in_lists else PAGE_FUNCTIONS[:2]

    def _function(self, name: str, *, traces: bool) -> Probe:
        on_return = name != PAGE_FUNCTIONS[0]
        return self._functions.probe(name, name, None, on_return=on_return, traces=traces)

    def _functions_obstacle(self, names: tuple[str, ...], *, traces: bool) -> str:
        missing = next((name for name in names if name not in self._functions.symbols), None)
        if missing:
            return f"this kernel has no function {missing}"
        return next(filter(None, (self._functions.obstacle(name, traces=traces) for name in names)), "")

    def _allocator_flags(self) -> tuple[tuple[str, ...], str]:
        absent = why_absent(ALLOC, self._root) or why_absent(FREE, self._root)
        if absent:
            return (), absent
        types = self._functions.types
        balloon = gfp_mask(_BALLOON_FLAGS, types, self._root)
        waiting = gfp_mask((_WAITING_FLAG,), types, self._root)
        if balloon is None or waiting is None:
            return (), "the kernel does not show which bits the allocation flags are"
        flags = ("-DRT_WITH_page_alloc", f"-DRT_GFP_BALLOON={balloon:#x}", f"-DRT_GFP_DIRECT_RECLAIM={waiting:#x}")
        return flags, ""


def vm_event_counters(functions: FunctionProbes, root: Path = ROOT) -> tuple[tuple[str, ...], Mapping[str, int], str]:
    """Where the kernel's own counters of balloon pages are: compiler flags and boot constants; or why unknown."""
    missing = next((name for name in COUNTER_SYMBOLS if not functions.address(name)), None)
    if missing:
        return (), {}, f"no address of {missing} (CONFIG_KALLSYMS_ALL, CONFIG_SMP)"
    types = functions.types
    places = [types.enumerator(name) if types else None for name in ("BALLOON_INFLATE", "BALLOON_DEFLATE")]
    if places[0] is None or places[1] != places[0] + 1:
        return (), {}, "no BTF to identify the balloon's counters"
    states, offsets = (functions.address(name) for name in COUNTER_SYMBOLS)
    cpus = max(number_list(read_text(root, "/sys/devices/system/cpu/possible") or "0"), default=0) + 1
    boot = {"RT_VM_EVENT_STATES": states, "RT_PER_CPU_OFFSET": offsets, "RT_CPUS": cpus}
    flags = (*map(constant_flag, boot), f"-DRT_BALLOON_INFLATE={places[0]}")
    return (*flags, *(["-DRT_MANY_CPUS"] if cpus > _UNROLLED_CPUS else [])), boot, ""
