"""What a task's cgroup costs whoever calls: two programs on one tracepoint, one of which does not ask for it.

Both run at each call of one storm, one behind the other, and the kernel's own statistics tell the time in each. The
difference of two storms, each with one program, was noise: it ranged over more than what it was to tell.
"""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import ExitStack
from pathlib import Path

from tracer.probes.costs import CostMeter, read_costs

from ..storm.generator import Generator, build_generator, new_token
from ..storm.program import StormProgram
from .measure import CannotRunError, choose_cpus
from .setting import Setting

_CALLS = 100_000
"""Their records fit into the buffers: nobody reads them meanwhile."""
_ROUNDS = 10


def cgroup_costs_ns(setting: Setting) -> list[float]:
    """How much longer the program with cgroups takes, ns a call, round by round. Raises CannotRunError.

    In a round each of the two is once the first at the tracepoint: whoever is second finds the task in the cache.
    """
    binary, calls = build_generator(setting.folder), setting.size(_CALLS, 500)
    return [
        (_difference(binary, calls, cgroups_first=True) + _difference(binary, calls, cgroups_first=False)) / 2
        for _ in range(setting.size(_ROUNDS, 1))
    ]


def _difference(binary: Path, calls: int, *, cgroups_first: bool) -> float:
    token = new_token()
    with ExitStack() as stack:
        try:
            stack.enter_context(CostMeter())
        except OSError as error:
            raise CannotRunError("this kernel keeps no statistics of programs (BPF_ENABLE_STATS)") from error
        programs = {
            "with" if with_cgroups else "without": stack.enter_context(StormProgram(token, with_cgroups=with_cgroups))
            for with_cgroups in (cgroups_first, not cgroups_first)
        }
        generator = stack.enter_context(Generator(binary, token, [choose_cpus().producer], calls=calls))
        generator.go()
        generator.results()
        _require_all(programs.values(), calls)
        costs = read_costs({name: program.program_fd for name, program in programs.items()})
    # Both run at everybody else's system calls, too, which their filter ends: that takes both the same time.
    return (costs["with"].run_time_ns - costs["without"].run_time_ns) / calls


def _require_all(programs: Iterable[StormProgram], calls: int) -> None:
    """A program that finds its buffer full takes less time. Raises CannotRunError."""
    for program in programs:
        if lost := int(program.lost().sum()):
            raise CannotRunError(f"{lost} of {calls} records had no room")
