"""What the programs see on the running kernel, against what happened and what an independent tracer counted."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from tracing import DROP_SLAB, BpftraceCounter, IndependentTracer, PerfCounter, WaitingLoad, run, unpaired

from tracer.collect.command import Command
from tracer.collect.ring import Ring
from tracer.collect.session import open_session
from tracer.kernel.capabilities import Capability, effective_capabilities
from tracer.kernel.cgroup import MemoryCgroup, find_memory_controller
from tracer.kernel.kallsyms import find_symbols
from tracer.metadata import SourceState
from tracer.probes import sources
from tracer.probes.attach import Probes, lost_by_kind
from tracer.probes.plan import Targets, make_plan
from tracer.probes.probe import PageSource
from tracer.schema import KIND_BY_NAME, TRACEPOINT_KINDS

SLAB_KINDS = (KIND_BY_NAME["shrink_slab_start"], KIND_BY_NAME["shrink_slab_end"])
SLAB_EVENTS = tuple(kind.tracepoint for kind in SLAB_KINDS)

pytestmark = pytest.mark.usefixtures("bcc")


def test_slab_spans_of_drop_caches_equal_an_independent_tracers_count() -> None:
    # GIVEN a process about to drop slab caches, ftrace counting, and a session
    with WaitingLoad(f"{DROP_SLAB}; {DROP_SLAB}") as load, IndependentTracer(*SLAB_EVENTS) as other:
        with open_session() as session:
            # WHEN it does
            trace = run(session, [load])
        counted = other.counts()
    # THEN both saw the same on its thread, whatever else ran, and nothing was lost
    starts, ends = trace.of("shrink_slab_start", load.pid), trace.of("shrink_slab_end", load.pid)
    assert len(starts) == counted[load.pid, "mm_shrink_slab_start"] > 0
    assert len(ends) == counted[load.pid, "mm_shrink_slab_end"] == len(starts)
    assert not trace.lost
    # AND the arguments are those of drop_caches: priority 0, each end its begin's shrinker, names that are known
    assert set(starts["priority"].tolist()) == {0}
    assert starts["shrink"].tolist() == ends["shrink"].tolist()
    assert {trace.symbols[address] for address in starts["shrink"].tolist()} >= {"super_cache_scan"}
    assert all(comm == b"sh" for comm in starts["comm"])


def test_slab_spans_of_drop_caches_equal_bpftraces_count(need) -> None:
    need("live", shutil.which("bpftrace") is not None, "no bpftrace on PATH (`make setup-test`)")
    with WaitingLoad(DROP_SLAB) as load, BpftraceCounter(load.pid, *SLAB_EVENTS) as other:
        with open_session() as session:
            trace = run(session, [load])
        counted = other.counts()
    seen = {kind.tracepoint: len(trace.of(kind.name, load.pid)) for kind in SLAB_KINDS}
    assert counted == seen
    assert all(seen.values())


def test_memcg_reclaim_comes_in_whole_spans_with_named_shrinkers_and_no_loss(disk_path: Path, need) -> None:
    need("live", find_memory_controller() is not None, "no memory cgroup controller is mounted")
    # GIVEN a process in a small memory cgroup, about to fill it with inodes and page cache
    files = f"i=0; while [ $i -lt 3000 ]; do : > {disk_path}/$i; i=$((i+1)); done"
    fill = f"for n in 1 2 3; do dd if=/dev/zero of={disk_path}/big bs=1M count=48 2>/dev/null; done"
    with (
        MemoryCgroup(32 << 20, f"reclaim-tracer-live-{os.getpid()}") as cgroup,
        WaitingLoad(f"{files}\n{fill}") as load,
    ):
        cgroup.add(load.pid)
        # WHEN traced while it does
        with open_session() as session:
            trace = run(session, [load])
    # THEN reclaim of the cgroup is there, whole, with page cache given and shrinkers by name
    begins, ends = trace.of("memcg_reclaim_begin"), trace.of("memcg_reclaim_end")
    assert len(begins) > 0
    assert ends["nr_reclaimed"].sum() > 0
    loads = trace.records[[comm in (b"sh", b"dd") for comm in trace.records["comm"]]]
    assert list(unpaired(loads)) == []
    assert "super_cache_scan" in trace.symbols.values()
    assert trace.of("lru_shrink_inactive")["nr_scanned"].sum() > 0
    assert not trace.lost
    assert session.malformed == 0


def test_the_work_filter_lets_one_function_through_and_nothing_else() -> None:
    # GIVEN the plan pointed at a work that every CPU runs every second or two
    plan = make_plan(Targets(work_functions=("vmstat_update",)))
    addresses = {symbol.address for symbol in find_symbols(["vmstat_update"])["vmstat_update"]}
    with IndependentTracer("workqueue:workqueue_execute_start") as other:
        with open_session(plan=plan) as session, WaitingLoad("sleep 4") as load:
            trace = run(session, [load])
        everything = sum(other.counts().values())
    # THEN only it is seen, begun and ended on the same thread, though others ran too
    begins, ends = trace.of("balloon_work_begin"), trace.of("balloon_work_end")
    assert len(begins) > 0
    assert set(begins["function"].tolist()) == set(ends["function"].tolist()) == addresses
    numbers = [KIND_BY_NAME[name].number for name in ("balloon_work_begin", "balloon_work_end")]
    works = trace.records[np.isin(trace.records["kind"], numbers)]
    assert len(list(unpaired(works))) <= os.cpu_count(), "at most what was running at either end"
    assert len(begins) < everything


def test_the_notifier_filter_lets_one_callback_through(need) -> None:
    # GIVEN a new network namespace's device, which every listener on network devices is told of
    need("live", Path("/sys/kernel/tracing/events/notifier/notifier_run").is_dir(), "this kernel has no notifier_run")
    name, load = "rtnetlink_event", "for i in 1 2 3 4 5 6 7 8 9 10 11 12; do unshare -n true; done"
    need("live", name in find_symbols([name]), f"this kernel has no {name}")
    plan = make_plan(Targets(oom_notifiers=(name,), page_source=PageSource.TRACEPOINTS))
    # WHEN one of them is asked for, of a kernel that might as well tell of its calls
    with open_session(plan=plan) as session, WaitingLoad(load) as devices:
        trace = run(session, [devices])
    # THEN it was told of each, and no other is in the recording
    callbacks = trace.of("oom_notifier_run")["cb"].tolist()
    assert len(callbacks) >= 12
    assert set(callbacks) == {find_symbols([name])[name][0].address}
    assert name in trace.symbols.values()


def test_perf_counters_of_others_count_what_is_traced() -> None:
    # GIVEN somebody's perf event on a tracepoint that we trace too
    with (
        open_session() as session,
        WaitingLoad(DROP_SLAB) as load,
        PerfCounter(load.pid, "vmscan:mm_shrink_slab_start") as counter,
    ):
        # WHEN the thread it watches hits the tracepoint
        trace = run(session, [load])
        # THEN both see every hit
        assert counter.hits == len(trace.of("shrink_slab_start", load.pid)) > 0


def test_the_recorders_own_reclaim_is_recorded_like_anybodys() -> None:
    # GIVEN this very process shrinking slab caches while it traces, and another one
    def drop() -> None:
        Path("/proc/sys/vm/drop_caches").write_text("2")

    with WaitingLoad(DROP_SLAB) as load, IndependentTracer(*SLAB_EVENTS) as other:
        with open_session() as session:
            trace = run(session, [load], on_first=drop)
        counted = other.counts()
    # THEN both are there as ftrace saw them, and the recording says which is the recorder
    own = session.metadata.recorder_pid
    assert own == os.getpid()
    for pid in (own, load.pid):
        assert len(trace.of("shrink_slab_start", pid)) == counted[pid, "mm_shrink_slab_start"] > 0


@pytest.mark.parametrize("reads_memory", [True, False])
def test_a_tasks_name_is_whole_and_nothing_but_its_name(need, monkeypatch, reads_memory: bool) -> None:
    # GIVEN programs that read the name where it lies, or ask the kernel's helper for it
    if reads_memory:
        need("live", sources._task_name_flags() != (), "this kernel lets no tracepoint's program read a task's name")
    else:
        monkeypatch.setattr(sources, "_task_name_flags", lambda *_: ())
    # WHEN a task that shrinks slab caches has a name of the greatest length, one of half of it, a short one
    names = (b"fifteen-letters", b"eight...", b"ab")
    script = "\n".join(f"printf {name.decode()} > /proc/$$/comm; {DROP_SLAB}" for name in names)
    with WaitingLoad(script) as load, open_session() as session:
        trace = run(session, [load])
    # THEN its records have each in turn
    seen = trace.records["comm"][trace.records["tid"] == load.pid].tolist()
    assert tuple(dict.fromkeys(seen)) == names


INSIDE = """
import os, pathlib, subprocess, sys
sys.path[:0] = sys.argv[1:]
from tracing import DROP_SLAB, WaitingLoad, run
from tracer.collect.session import open_session
pathlib.Path("/proc/self/comm").write_text("inner-tracer")
with WaitingLoad(DROP_SLAB) as load, open_session() as session:
    trace = run(session, [load], on_first=lambda: pathlib.Path("/proc/sys/vm/drop_caches").write_text("2"))
own = trace.records["tgid"] == session.metadata.recorder_pid
print(os.getpid(), *(int((trace.records["comm"][own == mine] == comm).sum())
                     for mine, comm in ((True, b"inner-tracer"), (False, b"inner-tracer"), (False, b"sh"))))
"""


def test_the_recorder_is_told_apart_from_an_inner_pid_namespace_too(need) -> None:
    inner = ["unshare", "--pid", "--fork", "--mount-proc"]
    tried = subprocess.run([*inner, "true"], capture_output=True, text=True, timeout=60)
    need("live", tried.returncode == 0, f"no pid namespace can be made here: {tried.stderr.strip()}")
    here = Path(__file__).parent
    command = [*inner, sys.executable, "-c", INSIDE, here, here.parent.parent]
    result = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert result.returncode == 0, result.stderr
    pid, own, missed, others = map(int, result.stdout.split())
    assert pid < 100, "the namespace has numbers of its own"
    assert own > 0
    assert missed == 0
    assert others > 0


READ_IN_A_CGROUP = """
import os, sys
from pathlib import Path
sys.path[:0] = sys.argv[2:]
from tracing import run
from tracer.collect.session import open_session
from tracer.kernel.cgroup import MemoryCgroup

def read():
    cgroup.add(os.getpid())
    with Path(sys.argv[1]).open("rb", buffering=0) as file:
        while file.read(1 << 20):
            pass
    session.stop()

with open_session() as session, MemoryCgroup(8 << 20, f"reclaim-tracer-own-{os.getpid()}") as cgroup:
    trace = run(session, on_first=read)
own = session.metadata.recorder_pid
ends = trace.of("memcg_reclaim_end", own)
lru = trace.of("lru_shrink_inactive", own)
print(len(trace.of("memcg_reclaim_begin", own)), len(ends), ends["nr_reclaimed"].sum(), lru["nr_reclaimed"].sum())
"""


def test_a_recorder_in_a_small_memory_cgroup_shows_its_own_memcg_reclaim(disk_path: Path, need) -> None:
    need("live", find_memory_controller() is not None, "no memory cgroup controller is mounted")
    # GIVEN a file of 32 MiB that is not in the page cache, and a recorder that reads it in a cgroup of 8 MiB
    file = disk_path / "cold"
    with file.open("wb") as stream:
        stream.write(os.urandom(32 << 20))
        os.fsync(stream.fileno())
        os.posix_fadvise(stream.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
    here = Path(__file__).parent
    command = [sys.executable, "-c", READ_IN_A_CGROUP, file, here, here.parent.parent]
    result = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert result.returncode == 0, result.stderr
    # THEN most of it was reclaimed by the recorder, which its events tell, begun and ended
    begins, ends, reclaimed, from_lru = map(int, result.stdout.split())
    assert begins == ends > 0
    assert reclaimed * os.sysconf("SC_PAGE_SIZE") > 16 << 20
    assert from_lru == reclaimed


def test_what_does_not_fit_the_ring_is_counted_to_the_last_event(need) -> None:
    # GIVEN a ring of one page, some 36 records, that nobody reads
    with IndependentTracer(*SLAB_EVENTS) as other, Probes(make_plan(kinds=SLAB_KINDS), 4096) as probes:
        ring = Ring.map(probes.events_fd, probes.buffer_bytes)
        probes.attach()
        # WHEN far more events come than fit (again while anything else shrinks slab at the same time)
        for _ in range(40):
            for _ in ring.batches():
                pass
            before, lost_before = other.counts(), probes.lost()
            with WaitingLoad(DROP_SLAB) as load:
                load.go()
                load.process.wait()
            kinds = np.concatenate([batch["kind"].copy() for batch in ring.batches()])
            lost = lost_by_kind(probes.lost() - lost_before)
            counted = other.counts() - before
            if {tid for tid, _ in counted} == {load.pid}:
                break
        else:
            need("live", False, "something else keeps shrinking slab caches on this machine")
        ring.close()
    # THEN recorded and lost add up, kind by kind
    assert sum(lost.values()) > 0
    for kind in SLAB_KINDS:
        recorded = int((kinds == kind.number).sum())
        assert recorded + lost.get(kind.name, 0) == counted[load.pid, kind.tracepoint_name], kind.name


def test_loss_reaches_the_items_as_a_stretch_with_its_kinds() -> None:
    # GIVEN more events than the buffer holds, while nobody reads
    drops = "; ".join([DROP_SLAB] * 10)
    with WaitingLoad(drops) as load, WaitingLoad(DROP_SLAB) as after, open_session(buffer_bytes=4096) as session:

        def overflow() -> None:
            load.go()
            load.process.wait()

        trace = run(session, [after], on_first=overflow)
    # THEN
    assert sum(stretch.total for stretch in trace.lost) > 0
    assert {name for stretch in trace.lost for name in stretch.counts} >= {"shrink_slab_start"}
    assert all(stretch.start_ns < stretch.end_ns for stretch in trace.lost)


def test_metadata_tells_the_machine_the_plan_as_tried_and_the_clock() -> None:
    before_ns = time.monotonic_ns()
    with open_session() as session:
        metadata = session.metadata
    assert before_ns < metadata.start_ns < time.monotonic_ns()
    assert metadata.recorder_pid == os.getpid()
    assert abs(metadata.start_utc_ns - time.time_ns()) < 60e9
    states = {row.what: row.state for row in metadata.plan}
    assert set(states) >= {kind.name for kind in TRACEPOINT_KINDS}
    assert states["shrink_slab_start"] is SourceState.USED
    assert metadata.kernel_release == os.uname().release
    assert metadata.buffer_bytes == 16 << 20


def test_time_zero_is_the_first_reading_when_everything_is_attached() -> None:
    # GIVEN reclaim between attaching and the first item
    with WaitingLoad(DROP_SLAB) as early, WaitingLoad(DROP_SLAB) as load, open_session() as session:
        early.go()
        early.process.wait()
        attached_ns = time.monotonic_ns()
        trace = run(session, [load])
    # THEN the recording begins behind it, with the reading, and has what came later
    start_ns = session.metadata.start_ns
    assert trace.samples[0].time_ns.tolist() == [start_ns]
    assert attached_ns < start_ns <= int(trace.records["time_ns"].min())
    assert len(trace.of("shrink_slab_start", early.pid)) == 0 < len(trace.of("shrink_slab_start", load.pid))
    assert not trace.lost


def test_a_command_is_traced_from_its_start_to_its_end_and_gets_no_oom_exemption(tmp_path: Path) -> None:
    own_before = Path("/proc/self/oom_score_adj").read_text()
    script = f"cat /proc/self/oom_score_adj > {tmp_path}/score; {DROP_SLAB}; exit 7"
    with open_session(command=Command(["sh", "-c", script])) as session:
        trace = run(session, [])
        during = Path("/proc/self/oom_score_adj").read_text()
    assert session.command_status == 7
    assert len(trace.of("shrink_slab_start")) > 0
    assert (during.strip() == "-1000") == (Capability.CAP_SYS_RESOURCE in effective_capabilities())
    assert (tmp_path / "score").read_text() == own_before == Path("/proc/self/oom_score_adj").read_text()


def test_closing_leaves_no_descriptor_here() -> None:
    descriptors = Path("/proc/self/fd")
    before = len(list(descriptors.iterdir()))
    with open_session() as session, WaitingLoad(DROP_SLAB) as load:
        trace = run(session, [load])
        during = len(list(descriptors.iterdir()))
    assert len(trace.records) > 0
    assert len(list(descriptors.iterdir())) == before < during
