"""What the analysis keeps is what later events can still change; forgetting the rest changes no result. Synthetic."""

from __future__ import annotations

import gc
import random
import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from streams import MS, SECOND, SYMBOLS, Records, counters, event, records
from test_engine_driver import DRIVER, inflate, leak, oom_leak
from test_engine_streaming import balloon_counters, busy_stream, everything

from tracer.analyze import Analysis, Engine, Options
from tracer.analyze.contention import meter
from tracer.batch import Batch, Samples
from tracer.metadata import Metadata
from tracer.schema import DEFLATE, INFLATE

NEVER = 10**9


def reclaim(begin_ns: int, tid: int) -> Records:
    """A direct reclaim of 30 ms that gives 32 pages."""
    return records(
        event(begin_ns, "direct_reclaim_begin", tid),
        event(begin_ns + 10 * MS, "lru_shrink_inactive", tid, nr_reclaimed=32, reclaim_flags=2, priority=12),
        event(begin_ns + 30 * MS, "direct_reclaim_end", tid, nr_reclaimed=32),
    )


def deflate(begin_ns: int) -> Records:
    """A work run in which the host takes pages out."""
    return records(
        event(begin_ns, "balloon_work_begin", 50),
        leak(begin_ns + MS, tid=50),
        event(begin_ns + 5 * MS, "balloon_work_end", 50),
    )


def puff(begin_ns: int) -> Records:
    """A work run that gets nothing for 220 ms and reclaims meanwhile."""
    return records(
        event(begin_ns, "balloon_work_begin", 50),
        reclaim(begin_ns + MS, 50),
        event(begin_ns + 220 * MS, "balloon_work_end", 50),
    )


def balloon_life(seed: int, turns: int) -> Records:
    """A balloon that the host moves, that leaks to OOMs and that inflates again, while tasks reclaim."""
    dice, now_ns, parts = random.Random(seed), 0, []
    for _ in range(turns):
        now_ns += dice.choice([250, 300, 600, 2000, 9000, 12000]) * MS
        parts.append(dice.choice([inflate, inflate, oom_leak, oom_leak, deflate, puff])(now_ns))
        if dice.random() < 0.3:
            parts.append(event(now_ns - dice.randrange(200) * MS, "virtballoon_changed", 1))
        waiting = range(200, 200 + dice.randrange(3))
        parts += [reclaim(now_ns + dice.randrange(-100, 100) * MS, tid) for tid in waiting]
    stream = records(*parts)
    stream = stream[stream["time_ns"] < now_ns]
    return stream[np.argsort(stream["time_ns"], kind="stable")]


def analysed(pieces: list[Records | Samples], metadata: Metadata, fold_rows: int) -> Analysis:
    """The analysis of a stream in pieces by an engine that forgets when so many rows can be."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(meter, "_FOLD_ROWS", fold_rows)
        engine = Engine(metadata, SYMBOLS, Options())
        for piece in pieces:
            engine.feed(Batch.from_records(piece) if isinstance(piece, np.ndarray) else piece)
        return engine.finish()


@settings(max_examples=20)
@given(seed=st.integers(0, 10_000), cuts=st.lists(st.integers(0, 400), max_size=30), dropped=st.integers(0, 20))
def test_what_is_forgotten_changes_nothing_where_functions_tell_pages(seed: int, cuts: list[int], dropped: int) -> None:
    # GIVEN a balloon's life, perhaps with some records lost
    stream = balloon_life(seed, 40)
    if dropped > 2:
        stream = stream[np.arange(len(stream)) % dropped != 1]
    whole = everything(analysed([stream], DRIVER, NEVER))
    # THEN whatever is forgotten between pieces of any size was of no use
    assert everything(analysed(np.split(stream, sorted(cuts)), DRIVER, 0)) == whole


@settings(max_examples=8)
@given(seed=st.integers(0, 10_000), cuts=st.lists(st.integers(0, 600), max_size=20))
def test_what_is_forgotten_changes_nothing_where_counters_tell_pages(seed: int, cuts: list[int]) -> None:
    stream = busy_stream(seed, 600)
    samples = balloon_counters(stream)
    metadata = Metadata(start_ns=0)
    whole = everything(analysed([stream, samples], metadata, NEVER))
    pieces = np.split(stream, sorted(cuts))
    assert everything(analysed([*pieces[:1], *_in_time(pieces[1:], samples)], metadata, 0)) == whole


def _in_time(pieces: list[Records], samples: Samples) -> list[Records | Samples]:
    """Each reading as soon as the stream has come to its time, as a recorder writes them."""
    mixed: list[Records | Samples] = []
    done = 0
    for piece in pieces:
        mixed.append(piece)
        until = int(np.searchsorted(samples.time_ns, piece["time_ns"].max())) if len(piece) else done
        mixed += [_row(samples, at) for at in range(done, until)]
        done = max(done, until)
    return [*mixed, *(_row(samples, at) for at in range(done, len(samples)))]


def _row(samples: Samples, at: int) -> Samples:
    return Samples(samples.time_ns[at : at + 1], samples.names, samples.values[at : at + 1])


def test_cycles_and_conflicts_occur_in_the_streams_above() -> None:
    analyses = [analysed([balloon_life(seed, 40)], DRIVER, 0) for seed in range(6)]
    assert len({cycle.cycle_class for analysis in analyses for cycle in analysis.cycles}) == 3
    assert all(analysis.conflicts and analysis.balloon.puffs for analysis in analyses)


def test_an_endless_inflation_under_reclaim_takes_no_more_memory_when_it_goes_on() -> None:
    # GIVEN a balloon that inflates all the time towards a target it never reaches, OOM leaks, and tasks that reclaim
    engine = Engine(DRIVER, SYMBOLS, Options())
    held: list[int] = []
    tracemalloc.start()
    try:
        for second in range(120):
            at_ns = second * SECOND
            parts = [inflate(at_ns + number * 100 * MS) for number in range(10)]
            parts += [oom_leak(at_ns + number * 50 * MS + MS) for number in range(20)]
            parts += [reclaim(at_ns + number * 9 * MS, 200 + number % 40) for number in range(100)]
            stream = records(*parts)
            engine.feed(Batch.from_records(stream[np.argsort(stream["time_ns"], kind="stable")]))
            engine.feed(counters([(at_ns + SECOND, 0, 0)]))
            if second in (59, 119):
                gc.collect()
                held.append(tracemalloc.get_traced_memory()[0])
    finally:
        tracemalloc.stop()
    # THEN twice the time takes hardly more: the findings of that time, not its rows (30 kB of them a second)
    assert held[1] - held[0] < 1 << 20
    assert engine.finish().balloon.inflated_pages == 120 * 10 * 256


@pytest.mark.parametrize("direction", [INFLATE, DEFLATE])
def test_many_steps_are_kept_as_few_with_the_same_pages(direction: int) -> None:
    # GIVEN more steps than are kept one by one
    runs = 20_000
    one = inflate(0, 16) if direction == INFLATE else deflate(0)
    stream = np.concatenate([one] * runs)
    stream["time_ns"] += np.repeat(np.arange(runs, dtype=np.uint64) * np.uint64(20 * MS), len(one))
    analysis = analysed(np.split(stream, 10), DRIVER, 0)
    balloon = analysis.balloon
    assert len(analysis.steps) < 10_000
    assert sum(step.pages for step in analysis.steps) == balloon.net_pages != 0
    assert max(step.end_s for step in analysis.steps) == pytest.approx(runs * 0.02, abs=0.02)
