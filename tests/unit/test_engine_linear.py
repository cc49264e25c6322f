"""What an analysis costs grows as its events do, also where nothing that begins ever ends. Synthetic."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from types import FrameType
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from streams import MS, SECOND, counters, records
from test_engine_streaming import busy_stream, everything

from tracer.analyze import Engine, Options, engine
from tracer.analyze.stream import ordering, stretches
from tracer.analyze.stream.pairing import pair
from tracer.batch import Batch
from tracer.metadata import Metadata
from tracer.schema import EVENT_DTYPE, KIND_BY_NAME

Records = npt.NDArray[np.void]
TraceFunction = Callable[[FrameType, str, Any], Any]
ANALYSIS = str(Path(engine.__file__).parent)

OFTEN = 8
"""How often each event may be looked at, on average."""
BLOCK = 500


STAY_OPEN = ("shrink_slab_start", "direct_reclaim_begin", "balloon_work_begin", "out_of_memory_begin")
REPLACED_BY_THE_NEXT = "oom_notifier_run"
ONE, EACH_ITS_OWN = 1, 10**9
"""Threads."""


def begins(kind: str, events: int, *, threads: int, every_ns: int = MS) -> Records:
    """Begins without ends."""
    stream = np.zeros(events, EVENT_DTYPE)
    stream["time_ns"] = SECOND + np.arange(events) * every_ns
    stream["tid"] = 100 + np.arange(events) % threads
    stream["comm"], stream["kind"] = b"task", KIND_BY_NAME[kind].number
    return stream


def fed(stream: Records, block: int = BLOCK) -> Engine:
    engine = Engine(Metadata(start_ns=0), {}, Options())
    for start in range(0, len(stream), block):
        engine.feed(Batch.from_records(stream[start : start + block]))
    return engine


@pytest.fixture
def looked_at(monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, int]]:
    """How many events pairing and ordering were handed."""
    seen = {"pair": 0, "order": 0}

    def counting(name: str, action: Callable[..., object]) -> Callable[..., object]:
        def counted(batch: Batch, *rest: object) -> object:
            seen[name] += len(batch)
            return action(batch, *rest)

        return counted

    monkeypatch.setattr(stretches, "pair", counting("pair", pair))
    monkeypatch.setattr(ordering, "_in_time_order", counting("order", ordering._in_time_order))
    return seen


@pytest.mark.parametrize("kind", STAY_OPEN)
@pytest.mark.parametrize("threads", [ONE, EACH_ITS_OWN])
def test_begins_without_ends_are_paired_a_bounded_number_of_times(
    looked_at: dict[str, int], kind: str, threads: int
) -> None:
    events = 60_000
    analysis = fed(begins(kind, events, threads=threads)).finish()
    assert analysis.accounting.begins_without_end == events
    assert looked_at["pair"] < OFTEN * events


def test_events_of_one_moment_are_ordered_a_bounded_number_of_times(looked_at: dict[str, int]) -> None:
    # GIVEN events inside the time for which they are held back, each block reaching behind all before it
    events = 60_000
    stream = begins("wakeup_kswapd", events, threads=7, every_ns=1)
    for first in range(0, events, BLOCK):
        stream["time_ns"][first] = SECOND
    assert fed(stream).finish().accounting.events == events
    assert looked_at["order"] < OFTEN * events


@pytest.mark.parametrize("kind", [*STAY_OPEN, REPLACED_BY_THE_NEXT])
@pytest.mark.parametrize(("threads", "block"), [(ONE, 4096), (EACH_ITS_OWN, BLOCK)])
def test_four_times_the_begins_take_no_sixteen_times_the_lines_of_python(kind: str, threads: int, block: int) -> None:
    # Of a cost that grows with the square the ratio is 16, else 4: the limit is far from both.
    few, many = (lines_run(begins(kind, events, threads=threads), block) for events in (8_000, 32_000))
    assert many < 10 * few


def lines_run(stream: Records, block: int) -> int:
    """How many lines of the analysis an analysis of events runs."""
    return lines_of(lambda: fed(stream, block).finish())


def lines_of(analyse: Callable[[], object], of: str = ANALYSIS) -> int:
    """How many lines of the analysis, or of one of its files, run, those of loops each time."""
    lines = 0

    def trace(frame: FrameType, event: str, _argument: object) -> TraceFunction | None:
        nonlocal lines
        lines += event == "line"
        return trace if frame.f_code.co_filename.startswith(of) else None

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        analyse()
    finally:
        sys.settrace(before)
    return lines


@pytest.mark.parametrize("seed", range(4))
def test_events_that_wait_for_others_change_nothing(monkeypatch: pytest.MonkeyPatch, seed: int) -> None:
    # GIVEN a stream in small blocks, analysed at once
    stream = busy_stream(seed, 900)
    expected = everything(fed(stream, 2).finish())
    # WHEN they wait for as many as are carried, however few these are
    monkeypatch.setattr(engine, "_FEW_CARRIED", 0)
    assert everything(fed(stream, 2).finish()) == expected


def test_a_stretch_may_be_longer_than_readings_are_waited_for() -> None:
    # GIVEN five minutes of reclaim by kswapd that its counters confirm, ten readings a second apart and far between
    scans = begins("lru_shrink_inactive", 3000, threads=1, every_ns=100 * MS)
    scans["comm"] = b"kswapd0"
    typed = scans.view(KIND_BY_NAME["lru_shrink_inactive"].record_dtype)
    typed["nr_reclaimed"], typed["reclaim_flags"] = 10, 2
    readings = [(at * SECOND, 0, 0) for at in range(0, 302, 2)]
    stolen = [10 * int((scans["time_ns"] <= at).sum()) for at, _, _ in readings]
    nothing = [0] * len(readings)
    samples = counters(
        readings, pgsteal_kswapd=stolen, pgsteal_direct=nothing, pgsteal_file=stolen, pgsteal_anon=nothing
    )
    # WHEN they come in one piece
    tracer = Engine(Metadata(start_ns=0, sample_interval_s=2.0), {}, Options())
    tracer.feed(samples)
    tracer.feed(Batch.from_records(records(scans)))
    # THEN none of them is missed
    background = tracer.finish().tiers[0]
    assert (background.missed_pages, background.extra_pages) == (0, 0)


def test_readings_without_events_between_them_are_looked_at_a_bounded_number_of_times() -> None:
    # Of a cost that grows with the square the ratio is 16, else 4.
    few, many = (lines_of(partial(fed_readings, count), str(engine.__file__)) for count in (1_000, 4_000))
    assert many < 8 * few


def fed_readings(count: int) -> None:
    """A reading a second of a guest in which nothing happens, each an item of its own."""
    tracer = Engine(Metadata(start_ns=0, sample_interval_s=1.0), {}, Options())
    for at in range(count):
        tracer.feed(counters([(at * SECOND, 0, 0)]))
    tracer.finish()
