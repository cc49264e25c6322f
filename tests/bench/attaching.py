"""Attaching our programs and letting go of them, our way or bcc's: `python -m tests.bench.attaching ours|cached|bcc`.

`cached` takes the folder of a cache, and compiles only where that has nothing yet.

Prints {"attach_s", "detach_s"}: from the first import to everything attached, and until the caller is free again.
"""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path

from tracer.probes.plan import make_plan

from ..storm.program import for_bcc
from .reclaim import other_sources, tracepoint_probes


def ours(cache: str | None = None) -> tuple[float, float]:
    """A session as `record` opens it, with what is cached in a folder or without any."""
    start = time.monotonic()
    from tracer.collect.session import open_session
    from tracer.probes.carried.cache import Cache
    from tracer.probes.loader import Loader

    session = open_session(loader=Loader(cache=Cache(Path(cache)) if cache else None))
    attached = time.monotonic()
    session.close()
    return attached - start, time.monotonic() - attached


def with_bcc() -> tuple[float, float]:
    """Those of the same programs that are at tracepoints, through bcc's own BPF object."""
    start = time.monotonic()
    from tracer.kernel.host import read_host
    from tracer.probes.finder import load_bcc
    from tracer.probes.sources import bpf_dir, kernel_flags, program_text
    from tracer.probes.transport import Transport

    plan, directory = make_plan(), bpf_dir()
    os.environ["BCC_KERNEL_SOURCE"] = str(directory)
    flags = [
        *for_bcc(kernel_flags(read_host().kernel_release, Transport.RING, directory)),
        *plan.flags(other_sources(plan)),
        # bcc loads them as they are: filters by addresses that no function has.
        "-DRT_RING_PAGES=4096",
        "-DRT_BOOT(number)=(number)",
    ]
    programs = load_bcc().BPF(text=program_text(directory).encode(), cflags=flags)
    for probe in tracepoint_probes(plan):
        programs.attach_tracepoint(tp=probe.target.encode(), fn_name=probe.program.encode())
    attached = time.monotonic()
    programs.cleanup()
    return attached - start, time.monotonic() - attached


if __name__ == "__main__":
    ways = {"ours": ours, "cached": lambda: ours(sys.argv[2]), "bcc": with_bcc}
    attach_s, detach_s = ways[sys.argv[1]]()
    print(json.dumps({"attach_s": attach_s, "detach_s": detach_s}))
