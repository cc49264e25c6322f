"""Run inside a userland: compile and load the programs for every kernel whose formats are kept, and for this one.

Prints a JSON object a line: `bcc`, `python`, `kernel`, `transport`, `error`, `missing` (fentry and fexit programs that
were not compiled), `loaded`, `refused` (program to reason).
"""

from __future__ import annotations

import json
import os
import sys
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

sys.path.append(str(Path(__file__).parent.parent / "unit"))
from probe_machine import KERNELS, compile_here, put_every_function, put_probe_formats

from tracer.probes.attach import load_request
from tracer.probes.bpf_objects import KPROBE
from tracer.probes.carried.install import install
from tracer.probes.compiler import CompileError
from tracer.probes.finder import bcc_status
from tracer.probes.lru import LruDetail
from tracer.probes.plan import Plan, Targets, make_plan
from tracer.probes.sources import map_entries
from tracer.probes.transport import Transport


def plan_for(kernel: str) -> Plan:
    """The plan on a machine whose tracefs is that kernel's, with kprobes and all that the programs can do."""
    with TemporaryDirectory() as folder:
        root = Path(folder)
        put_probe_formats(root, kernel)
        put_every_function(root)
        return make_plan(Targets(lru_detail=LruDetail.SPAN), root=root)


def compile_and_load(release: str, plan: Plan, transport: Transport) -> dict[str, Any]:
    """What came of the plan's programs, compiled for the kernel called `release` and loaded into this one."""
    # fentry and fexit programs are loaded for functions of the running kernel: `check` tries those.
    request = replace(
        load_request(plan, transport, release=release), traced=(), map_entries=map_entries(transport, 1 << 14, 4)
    )
    try:
        entry = compile_here(request)
    except CompileError as error:
        return {"error": str(error), "missing": [], "loaded": 0, "refused": {}}
    on_functions = [name for name, kind in request.programs if kind == KPROBE]
    missing = sorted({f"{name}_traced" for name in on_functions} - entry.programs.keys())
    with install(entry, request) as loaded:
        return {"error": "", "missing": missing, "loaded": len(loaded.programs), "refused": loaded.refusals}


def main() -> None:
    """One line a kernel."""
    about = {"bcc": bcc_status().version, "python": ".".join(map(str, sys.version_info[:2]))}
    for transport in Transport:
        for kernel in KERNELS:
            result = compile_and_load(f"{kernel}.0-1-cloud-amd64", plan_for(kernel), transport)
            print(json.dumps({**about, "kernel": kernel, "transport": transport, **result}))
        own = compile_and_load(os.uname().release, make_plan(), transport)
        print(json.dumps({**about, "kernel": "own", "transport": transport, **own}))


main()
