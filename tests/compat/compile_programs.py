"""Run inside a userland: compile and load the programs for every kernel whose formats are kept, and for this one.

Prints a JSON object a line: `bcc`, `python`, `kernel`, `transport`, `error`, `loaded`, `refused` (program to reason).
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

sys.path.append(str(Path(__file__).parent.parent / "unit"))
from probe_machine import KERNELS, put_every_function, put_probe_formats

from tracer.probes.compiler import KPROBE, RAW_TRACEPOINT, TRACEPOINT, CompileError, LoadError, Module
from tracer.probes.finder import bcc_status
from tracer.probes.lru import LruDetail
from tracer.probes.plan import Plan, Targets, make_plan
from tracer.probes.probe import How
from tracer.probes.sources import bpf_dir, kernel_flags, program_text
from tracer.probes.transport import Transport

TYPES = {How.TRACEPOINT: TRACEPOINT, How.RAW_TRACEPOINT: RAW_TRACEPOINT, How.KPROBE: KPROBE, How.KRETPROBE: KPROBE}
"""fentry and fexit programs are loaded for functions of the running kernel: `check` tries those."""


def plan_for(kernel: str) -> Plan:
    """The plan on a machine whose tracefs is that kernel's, with kprobes and all that the programs can do."""
    with TemporaryDirectory() as folder:
        root = Path(folder)
        put_probe_formats(root, kernel)
        put_every_function(root)
        return make_plan(Targets(lru_detail=LruDetail.SPAN), root=root)


def compile_and_load(release: str, plan: Plan, transport: Transport) -> dict[str, Any]:
    """What came of the plan's programs, compiled for the kernel called `release` and loaded into this one."""
    directory = bpf_dir()
    try:
        flags = [*kernel_flags(release, transport, 4, directory), *plan.flags()]
        module = Module(program_text(directory), flags, directory)
    except CompileError as error:
        return {"error": f"{error}\n{error.log}", "loaded": 0, "refused": {}}
    refused = {}
    wanted = {(probe.program, TYPES[probe.how]) for s in plan.to_try for probe in s.probes if probe.how in TYPES}
    for program, program_type in wanted:
        try:
            module.load(program, program_type)
        except LoadError as error:
            refused[program] = f"{error}\n{error.log}"
    module.close()
    return {"error": "", "loaded": len(wanted) - len(refused), "refused": refused}


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
