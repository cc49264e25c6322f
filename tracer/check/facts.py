"""What `check` knows about this machine, gathered from the kernel and probes rooms."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Final

from ..buffer_sizes import default_buffer_bytes
from ..errors import CannotTraceError
from ..kernel.access import Requirement, explain_refusal, function_probes, perf_buffers, requirements
from ..kernel.balloon import explain_reclaim_path, read_balloon
from ..kernel.balloon_fixes import balloon_requirement
from ..kernel.cgroup import find_memory_controller
from ..kernel.container import container_engine
from ..kernel.counters import CounterReader
from ..kernel.host import HostInfo, read_host
from ..kernel.lru_gen import LruGen, read_lru_gen
from ..kernel.memory_room import memory_room
from ..metadata import BalloonInfo, PlanRow, SourceState
from ..probes.attach import Probes
from ..probes.finder import BccStatus, bcc_status
from ..probes.loader import Way
from ..probes.plan import Plan, make_plan, targets_for
from ..probes.probe import PageSource
from ..probes.transport import BufferSizes, Transport
from .carried import ProgramSources, with_programs
from .observation import Observation

FORMAT: Final = "reclaim-tracer/check"
VERSION: Final = 1

FUNCTION_WAYS: Final = ("fentry", "kprobe")
_ON_RETURN: Final = {"fexit": "fentry", "kretprobe": "kprobe"}
_TRIAL_BUFFER_BYTES: Final = 1 << 20
_TRANSPORT_NAME: Final = {Transport.RING: "BPF ring buffer", Transport.PERF: "a perf buffer for each CPU"}
_CAME: Final[Mapping[str, str]] = {
    Way.COMPILED: "compiled",
    Way.CACHE: "loaded from the cache",
    Way.FILE: "loaded from the file",
}
_NOT_TRIED: Final = "the kernel has it; not tested"


@dataclass(frozen=True)
class CheckFacts:
    """One machine as `check` shows it. `absent` maps counters that can't be sampled to the reason."""

    host: HostInfo
    requirements: tuple[Requirement, ...]
    balloon: BalloonInfo
    cgroup_version: int | None
    counters: int
    absent: Mapping[str, str]
    plan: tuple[PlanRow, ...]
    plan_tried: bool
    absent_fields: Mapping[str, tuple[str, ...]]
    container_engine: str = ""
    lru_gen: LruGen = field(default_factory=LruGen)
    observation: Observation | None = None

    @property
    def missing(self) -> tuple[Requirement, ...]:
        """What keeps this process from tracing live."""
        return tuple(item for item in self.requirements if item.needed and not item.ok)

    @property
    def can_trace(self) -> bool:
        """Whether live tracing works: everything needed is there, and something attached when it was tried."""
        return not self.missing

    @property
    def pressure_reason(self) -> str:
        """Why memory pressure (PSI) can't be sampled; empty where it can."""
        return self.absent.get("psi.memory", "")

    def to_json(self) -> dict[str, Any]:
        """The contract of `check --json`: keys stay, more may come."""
        host = asdict(self.host) | {"container_engine": self.container_engine}
        kernel = {key: host.pop(f"kernel_{key}") for key in ("release", "version")} | {"machine": host.pop("machine")}
        balloon = asdict(self.balloon) | {
            "reclaim_path_reason": explain_reclaim_path(self.balloon),
            "reclaim_path_observed": self.observation.path if self.observation else None,
            "observation": self.observation.to_json() if self.observation else None,
        }
        return {
            "format": FORMAT,
            "version": VERSION,
            "can_trace": self.can_trace,
            "kernel": kernel,
            "host": host,
            "requirements": [asdict(item) for item in self.requirements],
            "balloon": balloon,
            "cgroup": {"memory_version": self.cgroup_version},
            "lru_gen": asdict(self.lru_gen),
            "psi": {"available": not self.pressure_reason, "reason": self.pressure_reason},
            "counters": {"sampled": self.counters, "absent": dict(self.absent)},
            "plan_tried": self.plan_tried,
            "plan": [asdict(row) for row in self.plan],
            "absent_fields": {kind: list(names) for kind, names in self.absent_fields.items()},
        }


def gather(
    balloon_source: str = PageSource.AUTO,
    oom_notifiers: Collection[str] = (),
    further: Iterable[Requirement] = (),
    programs: ProgramSources | None = None,
) -> CheckFacts:
    """Look at this machine; where everything needed is there, also load and attach the programs for a moment.

    `further` requirements are those that others know of. `programs` come from a file, this machine's cache, or are
    compiled. Raises RecordingError where a file is damaged.
    """
    plan, programs = make_plan(targets_for(balloon_source, oom_notifiers)), programs or ProgramSources()
    needs = with_programs((*requirements(), *further), bcc_requirement(bcc_status()), programs, plan)
    needs, trial = _tried(needs, plan, programs)
    balloon = read_balloon()
    if (to_mend := balloon_requirement(balloon)) is not None:
        needs = (*needs, to_mend)
    controller = find_memory_controller()
    with CounterReader() as reader:
        counters, absent = len(reader.names), dict(reader.reasons)
    return CheckFacts(
        host=read_host(),
        requirements=needs,
        balloon=balloon,
        cgroup_version=controller.version if controller else None,
        counters=counters,
        absent=absent,
        plan=trial.rows if trial else untried(plan.rows({})),
        plan_tried=trial is not None,
        absent_fields=trial.absent_fields if trial else plan.absent_fields({}),
        container_engine=container_engine(),
        lru_gen=read_lru_gen(),
    )


def bcc_requirement(status: BccStatus) -> Requirement:
    """How the distribution's bcc stands."""
    if not status.found:
        return Requirement("bcc", False, status.reason, status.fix)
    passed_over = f"; {status.impostor_path} is PyPI's unrelated bcc" if status.impostor_path else ""
    return Requirement("bcc", True, f"{status.version} in {status.path}{passed_over}")


def untried(rows: Iterable[PlanRow]) -> tuple[PlanRow, ...]:
    """A plan's rows where nothing was compiled or attached: only what is sampled counts as used."""
    return tuple(replace(row, state=SourceState.UNUSED, reason=_NOT_TRIED) if _attaches(row) else row for row in rows)


def way_of(row: PlanRow) -> str:
    """What a source is of: `tracepoint`, `samples`...; a function's return is probed the way its entry is."""
    way = row.source.partition(":")[0]
    return _ON_RETURN.get(way, way)


@dataclass(frozen=True)
class _Trial:
    rows: tuple[PlanRow, ...]
    absent_fields: Mapping[str, tuple[str, ...]]


def _tried(
    needs: tuple[Requirement, ...], plan: Plan, programs: ProgramSources
) -> tuple[tuple[Requirement, ...], _Trial | None]:
    """The requirements with what trying the plan adds to them, and what came of it where it was tried."""
    if not all(item.ok for item in needs if item.needed):
        return needs, None
    try:
        with programs.loader() as loader, Probes(plan, _TRIAL_BUFFER_BYTES, loader=loader) as probes:
            probes.attach()
            trial, choice, way = _Trial(probes.rows, probes.absent_fields), probes.choice, probes.programs
            probes.require_any()
    except CannotTraceError as error:
        return (*needs, Requirement("programs", False, str(error), explain_refusal(str(error)))), None
    needs = (*needs, *_function_probes(trial.rows))
    used = sum(map(_attaches, trial.rows))
    attached = Requirement("programs", True, f"{_CAME[way]}, attached at {used} points")
    why = f": {choice.reason}" if choice.reason else ""
    transport = Requirement("transport", True, f"{_TRANSPORT_NAME[choice.transport]}{why}")
    if choice.transport is Transport.RING:
        return (*needs, attached, transport), trial
    cpus = read_host().cpus_online
    wanted = default_buffer_bytes(memory_room().available_bytes, cpus)
    buffers = perf_buffers(BufferSizes.of(choice.transport, wanted, cpus).each_bytes, cpus)
    return (*needs, attached, transport, buffers), trial


def _function_probes(rows: Iterable[PlanRow]) -> Iterator[Requirement]:
    """How the plan's functions are probed; nothing where it has none."""
    found = [row for row in rows if way_of(row) in FUNCTION_WAYS]
    ways = {way_of(row) for row in found if row.state is SourceState.USED}
    reasons = Counter(row.reason for row in found if row.state is not SourceState.USED)
    if found:
        yield function_probes(sorted(ways), [reason for reason, _ in reasons.most_common(len(FUNCTION_WAYS))])


def _attaches(row: PlanRow) -> bool:
    return row.state is SourceState.USED and not row.source.startswith("samples:")
