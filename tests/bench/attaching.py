"""Attaching our programs and letting go of them, our way or bcc's: `python -m tests.bench.attaching ours|bcc`.

Prints {"attach_s", "detach_s"}: from the first import to everything attached, and until the caller is free again.
"""

from __future__ import annotations

import json
import os
import sys
import time

from tracer.probes.plan import make_plan

from .reclaim import other_sources, tracepoint_probes


def ours() -> tuple[float, float]:
    """A session as `record` opens it."""
    start = time.monotonic()
    from tracer.collect.session import open_session

    session = open_session()
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
        *kernel_flags(read_host().kernel_release, Transport.RING, directory),
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
    attach_s, detach_s = {"ours": ours, "bcc": with_bcc}[sys.argv[1]]()
    print(json.dumps({"attach_s": attach_s, "detach_s": detach_s}))
