"""The results so far: what `finish` would give now, without the engine noticing."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Iterator
from dataclasses import fields as dataclass_fields
from dataclasses import is_dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from balloon_streams import shrinker_storm
from busy_streams import balloon_counters, busy_stream, everything
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from streams import METADATA, MS, SECOND, SYMBOLS, Records, counters, event, lru, records, slab

from tests.bench.repeated_traces import write_one
from tests.bench.synthetic_recording import fill
from tests.golden.cases import Case, all_cases
from tracer.analyze import Engine, Options
from tracer.analyze.model import cycle_count
from tracer.analyze.stream.branching import Branch
from tracer.analyze.stream.closed import ClosedSpans, leaving
from tracer.analyze.totals import stalls
from tracer.batch import Batch, LostStretch, Samples
from tracer.schema import EVENT_DTYPE
from tracer.store import Recording

Item = Batch | Samples | LostStretch
RECORDINGS = ("C-free-page-hint", "E-memcg", "guest-lru-gen", "guest-out-of-reach", "memcg-kill")


def engine() -> Engine:
    return Engine(METADATA, SYMBOLS, Options())


def pieces(seed: int, cuts: list[int], *, lossy: bool) -> list[Item]:
    """A busy stream in pieces, its readings in the middle."""
    stream = busy_stream(seed, 600)
    samples = balloon_counters(stream)
    if lossy:
        stream = stream[np.arange(len(stream)) % 10 != seed % 10]
    batches = [Batch.from_records(part) for part in np.split(stream, sorted(cuts))]
    half = len(batches) // 2
    return [*batches[:half], samples, *batches[half:]]


def finished(items: list[Item]) -> dict[str, Any]:
    one = engine()
    for item in items:
        one.feed(item)
    return everything(one.finish())


@pytest.fixture
def protected(monkeypatch: pytest.MonkeyPatch) -> None:
    """Columns that two states share can't be written into."""
    fields = Branch.fields

    def protecting(branch: Branch, value: object) -> object:
        written = getattr(value, "written_columns", ())
        protect([one for name, one in vars(value).items() if name not in written] if hasattr(value, "__dict__") else [])
        return fields(branch, value)

    monkeypatch.setattr(Branch, "fields", protecting)


def protect(value: object) -> None:
    if isinstance(value, np.ndarray):
        value.flags.writeable = False
    elif isinstance(value, list | tuple):
        for one in value:
            protect(one)
    elif isinstance(value, dict):
        protect([*value.values()])
    elif is_dataclass(value) and not isinstance(value, type):
        protect([getattr(value, one.name) for one in dataclass_fields(value)])


@pytest.mark.usefixtures("protected")
@pytest.mark.parametrize("lossy", [False, True])
@settings(max_examples=6, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(0, 1000), cuts=st.lists(st.integers(0, 600), min_size=1, max_size=5), data=st.data())
def test_asking_at_any_cut_changes_nothing(lossy: bool, seed: int, cuts: list[int], data: st.DataObject) -> None:
    # GIVEN a stream in pieces, and an engine that is asked behind some of them
    items = pieces(seed, cuts, lossy=lossy)
    asked = data.draw(st.sets(st.integers(0, len(items) - 1), min_size=1))
    one = engine()
    for number, item in enumerate(items):
        one.feed(item)
        if number in asked:
            # THEN what it says is what another says that saw no more, twice over
            told = everything(one.so_far())
            assert told == finished(items[: number + 1])
            assert everything(one.so_far()) == told
    # AND at the end it says what it would have said unasked
    last = everything(one.so_far())
    assert everything(one.finish()) == last == finished(pieces(seed, [], lossy=lossy))


@pytest.mark.usefixtures("protected")
@pytest.mark.parametrize("case", [case for case in all_cases() if case.name in RECORDINGS], ids=lambda case: case.name)
def test_real_recordings_are_told_alike_however_often_the_engine_is_asked(case: Case, tmp_path_factory) -> None:
    # GIVEN a labelled recording in some ten pieces
    recording = Recording.open(case.recording(tmp_path_factory.mktemp("so-far")))
    items = [part for item in recording.items() for part in parts(item, recording.event_count // 10 + 1)]
    asked, unasked = (
        Engine(recording.metadata, recording.symbols, Options(), cgroups=recording.cgroups) for _ in range(2)
    )
    for number, item in enumerate(items):
        asked.feed(item)
        unasked.feed(item)
        if number % 3 == 0:
            asked.so_far()
    last = everything(asked.so_far(recording.last_ns))
    assert everything(asked.finish(recording.last_ns)) == last == everything(unasked.finish(recording.last_ns))


@pytest.mark.usefixtures("protected")
@pytest.mark.parametrize("missing", [0, 200])
def test_episodes_that_are_over_are_told_alike_however_often_the_engine_is_asked(missing: int) -> None:
    # GIVEN an episode every three seconds, of some of which only the kernel's counters tell all pages
    def items() -> Iterator[Item]:
        for number in range(20):
            begin_ns = number * 3 * SECOND
            at_ns = np.arange(begin_ns, begin_ns + 3 * SECOND, SECOND // 4)
            bursts = number + (at_ns > begin_ns + SECOND // 2)
            taken = 32 * bursts + missing * (bursts // 3)
            zero = np.zeros(len(at_ns), np.int64)
            names = ("kswapd", "direct", "file", "anon")
            counted = np.column_stack((zero, taken, taken, zero))
            yield Samples(at_ns, tuple(f"vmstat.pgsteal_{name}" for name in names), counted)
            yield Batch.from_records(burst(begin_ns + SECOND // 2, 100 + number % 4))

    asked, unasked = engine(), engine()
    for number, item in enumerate(items()):
        asked.feed(item)
        unasked.feed(item)
        if number % 5 == 4:
            asked.so_far()
    # THEN what was kept of them is what it would have been
    last = everything(asked.so_far())
    assert everything(asked.so_far()) == last == everything(unasked.finish())
    episodes = last["summary"]["episodes"]
    assert len(episodes) == 20
    assert sum(row["missed_pages"] > 0 for episode in episodes for row in episode["tiers"]) == (6 if missing else 0)
    # AND an engine that goes on from there says so, too
    assert everything(asked.finish()) == last


def test_a_long_storms_cycles_are_joined_and_its_finding_is_the_same() -> None:
    # GIVEN a storm of 40 cycles, told by an engine that keeps four of them and by one that keeps all
    few, all_ = (Engine(METADATA, SYMBOLS, Options(cycles_kept=kept)) for kept in (4, None))
    for number, item in enumerate(shrinker_storm(40)):
        for one in (few, all_):
            one.feed(Batch.from_records(item) if isinstance(item, np.ndarray) else item)
        if number % 8 == 7:
            few.so_far()
    joined, single = few.so_far(), all_.so_far()
    # THEN there are few of them, with the sums of all
    assert len(joined.cycles) < 20
    assert cycle_count(joined.cycles) == len(single.cycles) == 40
    assert joined.storms == single.storms
    assert joined.balloon == single.balloon
    # AND what is found is the same, while it lasts and when it is over
    assert joined.findings == single.findings
    assert any(finding.kind == "storm" and finding.open for finding in joined.findings)
    quiet = counters([(200 * SECOND, 1000 + 256 * 40, 256 * 40)])
    few.feed(quiet)
    all_.feed(quiet)
    few.so_far()
    assert few.so_far().findings == all_.so_far().findings
    assert len(few.so_far().cycles) < 20


def burst(at_ns: int, tid: int) -> Records:
    """A task's direct reclaim with a shrinker call and a scan in it."""
    return records(
        event(at_ns, "direct_reclaim_begin", tid),
        slab(at_ns + MS, at_ns + 2 * MS, tid),
        lru(at_ns + 3 * MS, tid, 32),
        event(at_ns + 4 * MS, "direct_reclaim_end", tid, nr_reclaimed=42),
    )


def parts(item: Item, events: int) -> Iterator[Item]:
    if not isinstance(item, Batch):
        yield item
        return
    for start in range(0, len(item), events):
        yield item.between(start, min(start + events, len(item)))


def test_cycles_of_the_past_are_made_once_and_are_the_same_at_the_end(tmp_path: Path) -> None:
    # GIVEN a trace of hundreds of cycles in storms with lulls, repeated, of which the results are looked at often
    path = write_one(tmp_path, "run-shrinker", 250_000)
    recording = Recording.open(path)
    asked, unasked = (
        Engine(recording.metadata, recording.symbols, Options(), cgroups=recording.cgroups) for _ in range(2)
    )
    looks = []
    for number, item in enumerate(recording.items()):
        asked.feed(item)
        unasked.feed(item)
        if number % 5 == 0:
            looks.append(asked.so_far())
    last, expected = asked.finish(recording.last_ns), unasked.finish(recording.last_ns)
    # THEN the end is told as without looking, and what is long past is what the looks before had, not made anew
    assert everything(last) == everything(expected)
    assert len(last.cycles) > 1000
    assert last.cycles[0] is looks[-1].cycles[0] is looks[-2].cycles[0]
    assert last.storms[0] is looks[-1].storms[0]
    # AND what a look gave did not change behind it: its cycles are counted and numbered as its storms say
    for look in looks:
        assert [cycle.id for cycle in look.cycles] == [*range(1, len(look.cycles) + 1)]
        numbers = [cycle.storm for cycle in look.cycles]
        assert [numbers.count(storm.id) for storm in look.storms] == [storm.cycles for storm in look.storms]


def test_the_end_may_be_given() -> None:
    one = engine()
    one.feed(Batch.from_records(busy_stream(1, 10)))
    assert one.so_far(100 * SECOND).duration_s == 100.0
    assert one.so_far().duration_s < 100.0


def test_spans_leave_once_and_not_because_somebody_asked() -> None:
    # GIVEN an engine whose spans somebody takes
    taken: list[ClosedSpans] = []
    one = Engine(METADATA, SYMBOLS, Options(), on_stretch=lambda stretch: taken.extend(leaving(stretch)))
    one.feed(Batch.from_records(busy_stream(1, 300)))
    before = sum(map(len, taken))
    # WHEN it is asked, with spans open THEN they stay with it
    assert one.so_far().accounting.begins_without_end
    assert sum(map(len, taken)) == before
    one.finish()
    assert sum(map(len, taken)) > before


def test_results_that_were_given_stay_as_they_were() -> None:
    one, stream = engine(), busy_stream(2, 600)
    one.feed(Batch.from_records(stream[:300]))
    early = one.so_far()
    kept = everything(early)
    one.feed(Batch.from_records(stream[300:]))
    one.so_far()
    one.finish()
    assert everything(early) == kept


def test_what_a_look_needed_is_gone_with_it(monkeypatch: pytest.MonkeyPatch) -> None:
    # GIVEN an engine with something open, and no garbage collector
    one, branches, branch = engine(), [], Engine.branch
    for item in pieces(1, [200, 400], lossy=False):
        one.feed(item)
    monkeypatch.setattr(Engine, "branch", lambda self: noted(branch(self), branches))
    gc.disable()
    try:
        # WHEN it is looked at, and the results are still there
        analysis = one.so_far()
        # THEN the state that was closed for them is not
        assert analysis.accounting.events
        assert [one() for one in branches] == [None]
    finally:
        gc.enable()


def noted(branch: Engine, branches: list[weakref.ref[Engine]]) -> Engine:
    branches.append(weakref.ref(branch))
    return branch


def test_a_look_adds_up_only_the_waits_that_are_new(monkeypatch: pytest.MonkeyPatch) -> None:
    # GIVEN an engine that took 500 waits of one task in 10 s, and was looked at
    waits = np.zeros(1000, EVENT_DTYPE)
    waits["time_ns"], waits["tid"], waits["tgid"] = np.arange(1, 1001) * 10 * MS, 7, 7
    fill(waits, np.arange(0, 1000, 2), "direct_reclaim_begin")
    fill(waits, np.arange(1, 1000, 2), "direct_reclaim_end", nr_reclaimed=1)
    one, added, grouped = engine(), [0], stalls.grouped
    one.feed(Batch.from_records(waits))
    assert one.so_far().stalls[0].spans == 500

    def noting(key: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        added[0] += len(key)
        return grouped(key)

    monkeypatch.setattr(stalls, "grouped", noting)
    # WHEN it is looked at again THEN no more is added up than what may still change
    assert one.so_far().stalls[0].spans == 500
    assert added[0] < 50
