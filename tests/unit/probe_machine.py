"""Every tracepoint the schema knows, as real kernels' tracefs prints it."""

from __future__ import annotations

from pathlib import Path

from kernel_tree import TRACEFS_MOUNT, put

from tracer.kernel.balloon import OOM_NOTIFIERS
from tracer.probes.balloon_pages import PAGE_FUNCTIONS
from tracer.probes.carried.entry import Entry
from tracer.probes.carried.extract import extract
from tracer.probes.carried.fit import purpose_of
from tracer.probes.compiler import Module
from tracer.probes.folio_lists import FOLIO_LIST_FUNCTION
from tracer.probes.free_pages import FREE_PAGE_FUNCTIONS
from tracer.probes.functions import FUNCTIONS, WORK
from tracer.probes.request import LoadRequest

FORMATS = Path(__file__).parent / "data" / "probe_formats"
KERNELS = ("5.10", "6.1", "6.12", "6.18", "7.3")


def probe_formats(kernel: str) -> dict[str, str]:
    """Format files of that kernel by `category:name`."""
    parts = f"\n{(FORMATS / f'{kernel}.txt').read_text()}".split("\n## ")[1:]
    return {name: text for name, _, text in (part.partition("\n") for part in parts)}


def put_probe_formats(root: Path, kernel: str) -> None:
    """A mounted tracefs with that kernel's tracepoints."""
    put(root, "/proc/self/mountinfo", TRACEFS_MOUNT)
    for name, text in probe_formats(kernel).items():
        put(root, f"/sys/kernel/tracing/events/{name.replace(':', '/')}/format", text)


def put_every_function(root: Path) -> None:
    """A kernel with kprobes and every function that the plan knows."""
    traced = (name for traced in (WORK, *FUNCTIONS) for name in traced.functions)
    functions = {*PAGE_FUNCTIONS, *FREE_PAGE_FUNCTIONS, *OOM_NOTIFIERS, FOLIO_LIST_FUNCTION, *traced}
    names = enumerate(sorted(functions))
    put(root, "/sys/bus/event_source/devices/kprobe/type", "6\n")
    put(root, "/proc/kallsyms", "".join(f"{0xFFFFFFFF81000000 + 64 * number:x} t {name}\n" for number, name in names))


def compile_here(request: LoadRequest) -> Entry:
    """What a request compiles to, in this process; the compiler says on stderr what it objects to."""
    module = Module(request.text, [*request.flags, *request.source_flags], Path(request.kernel_source))
    try:
        return extract(purpose_of(request), module.maps(), module.programs())
    finally:
        module.close()
