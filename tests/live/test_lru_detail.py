"""Scans of the LRU lists told one by one and added up by span, by two recorders of one load."""

from __future__ import annotations

import ctypes
import os
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from tracing import Trace, WaitingLoad, run, unpaired

from tracer.batch import Batch
from tracer.collect.session import open_session
from tracer.kernel.cgroup import MemoryCgroup, find_memory_controller
from tracer.probes import syscalls
from tracer.probes.attach import Probes
from tracer.probes.lru import LruDetail
from tracer.probes.plan import Targets, make_plan
from tracer.probes.sources import LRU_SPANS_MAP
from tracer.probes.transport import Transport
from tracer.schema import KIND_BY_NAME, LRU_SPAN_DTYPE

pytestmark = pytest.mark.usefixtures("bcc")

PER_SPAN = Targets(lru_detail=LruDetail.SPAN)
KEYS = ("nid", "priority", "reclaim_flags")
SUMS = tuple(name for name, _ in KIND_BY_NAME["lru_shrink_inactive"].fields if name not in KEYS)
RECLAIM_WB_FILE = 2
MOST_CALLS = 64
"""RT_LRU_FILE and RT_LRU_MOST_CALLS, bpf/lru.bpf.c"""
Sums = dict[tuple[int, ...], tuple[int, ...]]


def sums(scans: np.ndarray) -> Sums:
    """Everything added up, by thread, node, priority and flags."""
    found: Sums = {}
    for scan in scans:
        key = tuple(int(scan[name]) for name in ("tid", *KEYS))
        before = found.get(key, (0,) * len(SUMS))
        found[key] = tuple(have + int(scan[name]) for have, name in zip(before, SUMS, strict=True))
    return found


def scans_of(trace: Trace, comms: Iterable[bytes]) -> np.ndarray:
    scans = trace.of("lru_shrink_inactive")
    return scans[np.isin(scans["comm"], list(comms))]


def events_when_added_up(trace: Trace, comms: Iterable[bytes]) -> int:
    """How many events the scans of a trace that tells each come to: bpf/lru.bpf.c in Python."""
    loads = trace.records[np.isin(trace.records["comm"], list(comms))]
    ordered = Trace(loads[np.argsort(loads["time_ns"], kind="stable")])
    scans = iter(ordered.of("lru_shrink_inactive"))
    edges = {KIND_BY_NAME[f"memcg_reclaim_{edge}"].number for edge in ("begin", "end")}
    scan_kind = KIND_BY_NAME["lru_shrink_inactive"].number
    held: dict[tuple[int, int], tuple[tuple[int, ...], int]] = {}
    events = 0
    for kind, tid in ordered.records[["kind", "tid"]].tolist():
        if kind in edges:
            for list_of_pages in (0, RECLAIM_WB_FILE):
                held.pop((tid, list_of_pages), None)
        elif kind == scan_kind:
            scan = next(scans)
            key, place = tuple(int(scan[name]) for name in KEYS), (tid, int(scan["reclaim_flags"]) & RECLAIM_WB_FILE)
            before, calls = held.get(place, ((), 0))
            goes_on = key == before and calls < MOST_CALLS
            events += not goes_on
            held[place] = (key, calls + 1 if goes_on else 1)
    return events


class StartedElsewhere(WaitingLoad):
    """Another recorder's load: both are attached before it starts it."""

    def __init__(self, load: WaitingLoad) -> None:
        self.process = load.process

    def go(self) -> None:
        pass


def record_both(load: WaitingLoad, transport: Transport) -> tuple[Trace, Trace]:
    """Two recorders at once: one tells each scan, one adds them up."""
    with (
        open_session() as each,
        open_session(plan=make_plan(PER_SPAN), transport=transport) as per_span,
        ThreadPoolExecutor(1) as other,
    ):
        added_up = other.submit(run, per_span, [StartedElsewhere(load)])
        return run(each, [load]), added_up.result()


@pytest.mark.parametrize("transport", list(Transport))
def test_both_ways_tell_the_same_scans_of_one_load(disk_path: Path, need, transport: Transport) -> None:
    need("live", find_memory_controller() is not None, "no memory cgroup controller is mounted")
    # GIVEN a process that writes far more than its memory cgroup holds, so that dirty pages are scanned again and again
    fill = f"for n in 1 2 3; do dd if=/dev/zero of={disk_path}/big bs=1M count=128 2>/dev/null; done"
    with MemoryCgroup(32 << 20, f"reclaim-tracer-lru-{os.getpid()}") as cgroup, WaitingLoad(fill) as load:
        cgroup.add(load.pid)
        # WHEN one recorder tells each scan and another one, at the same time, adds them up
        each, added_up = record_both(load, transport)
    comms = (b"dd", b"sh")
    single, summed = scans_of(each, comms), scans_of(added_up, comms)
    # THEN every count is the same by thread, node, priority and list
    assert not each.lost
    assert not added_up.lost
    assert len(single) > 0
    assert set(single["nr_calls"].tolist()) == {1}
    assert sums(single) == sums(summed)
    assert len(single) == summed["nr_calls"].sum()
    # ... in an event for each span, node, priority and list, however many scans it had
    assert len(summed) == events_when_added_up(each, comms)
    # AND each sum lies inside its span
    assert_inside_spans(added_up, comms)


def assert_inside_spans(trace: Trace, comms: Iterable[bytes]) -> None:
    loads = trace.records[np.isin(trace.records["comm"], list(comms))]
    assert list(unpaired(loads)) == []
    batch = Batch.from_records(loads[np.argsort(loads["time_ns"], kind="stable")])
    scans = batch.rows["lru_shrink_inactive"]
    for tid in np.unique(batch.header["tid"]):
        own = np.flatnonzero(batch.header["tid"] == tid)
        change = np.zeros(len(batch), np.int64)
        change[batch.rows["memcg_reclaim_begin"]] = 1
        change[batch.rows["memcg_reclaim_end"]] = -1
        depth = np.cumsum(change[own])
        assert (depth[np.isin(own, scans)] == 1).all()


def put_span(map_fd: int, tid: int, **scans: dict[str, int]) -> None:
    """An open span as the programs keep it."""
    span = np.zeros(1, LRU_SPAN_DTYPE)
    span["tid"], span["tgid"], span["comm"], span["cpu"] = tid, tid, b"reclaimer", 1
    for name, values in scans.items():
        for field, value in values.items():
            span[name][field] = value
    key = ctypes.c_uint32(tid)
    syscalls.bpf(syscalls._MAP_UPDATE_ELEM, "IxxxxQQQ", map_fd, ctypes.addressof(key), span.ctypes.data, 0)


def test_what_open_spans_hold_at_the_end_is_read_from_the_kernel() -> None:
    with Probes(make_plan(PER_SPAN), 4096) as probes:
        spans = probes._loaded.maps[LRU_SPANS_MAP]
        # GIVEN three threads in a reclaim span, of which one has scanned nothing yet
        put_span(spans, 7, file={"nr_calls": 3, "nr_reclaimed": 96, "priority": 11})
        put_span(spans, 8)
        put_span(spans, 9, anon={"nr_calls": 1, "nr_scanned": 5}, file={"nr_calls": 2, "nr_scanned": 6})
        # WHEN it ends
        trace = Trace(probes.take_untold())
        # THEN there is a record for each list with scans, and nothing is left
        told = trace.of("lru_shrink_inactive")
        assert sorted(told[["tid", "nr_calls", "nr_scanned"]].tolist()) == [(7, 3, 0), (9, 1, 5), (9, 2, 6)]
        assert set(told["comm"].tolist()) == {b"reclaimer"}
        assert (told["time_ns"] > 0).all()
        assert told[told["tid"] == 7][["nr_reclaimed", "priority"]].tolist() == [(96, 11)]
        assert len(probes.take_untold()) == 0


def test_threads_that_go_on_reclaiming_do_not_keep_it_from_ending(monkeypatch) -> None:
    with Probes(make_plan(PER_SPAN), 4096) as probes:
        spans = probes._loaded.maps[LRU_SPANS_MAP]
        take, taken = syscalls.take_element, []

        def take_and_go_on(map_fd: int, tid: int, value: int) -> bool:
            found = take(map_fd, tid, value)
            taken.append(tid)
            assert len(taken) < 5000, "it never ends"
            put_span(spans, 1000 + len(taken), file={"nr_calls": 1})
            return found

        # GIVEN two spans, and another one that begins whenever one has been read
        monkeypatch.setattr(syscalls, "take_element", take_and_go_on)
        for tid in (7, 8):
            put_span(spans, tid, file={"nr_calls": 1})
        # THEN those that were there are told, once
        assert sorted(Trace(probes.take_untold()).of("lru_shrink_inactive")["tid"].tolist()) == [7, 8]


def test_without_it_there_is_nothing_to_read() -> None:
    with Probes(make_plan(), 4096) as probes:
        assert len(probes.take_untold()) == 0
