"""Recordings in which hardly anything happens: readings do not wait for events that never come."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest
from shortage_streams import GUEST, readings, sized, waits
from streams import SECOND, SYMBOLS, Records, event, records

from tracer.analyze import Analysis, Engine, Pieces
from tracer.batch import Batch, Samples
from tracer.metadata import Metadata

HOUR = 3600


def one_by_one(samples: Samples) -> Iterator[Samples]:
    """As a recorder writes them."""
    for row in range(len(samples)):
        yield Samples(samples.time_ns[row : row + 1], samples.names, samples.values[row : row + 1])


def engine_fed(
    samples: Samples, events: Records | None = None, *, values: int = 500, metadata: Metadata = GUEST
) -> tuple[Engine, int]:
    """The engine after a recording of these, events ahead of the readings behind them, and the most readings that
    waited in it."""
    engine, pieces, most = Engine(metadata, SYMBOLS), Pieces(values=values), 0
    waiting = list(events) if events is not None else []
    for one in one_by_one(samples):
        items: list[Batch | Samples] = []
        while waiting and waiting[0]["time_ns"] <= one.time_ns[0]:
            items.append(Batch.from_records(np.array([waiting.pop(0)])))
        for item in (*items, one):
            for given in pieces.add(item):
                engine.feed(given)
        most = max(most, sum(len(each) for each in engine._pending_samples))
    for given in pieces.rest():
        engine.feed(given)
    return engine, most


def plain(samples: Samples, events: Records | None = None) -> Analysis:
    """All readings at once, and then all events."""
    engine = Engine(GUEST, SYMBOLS)
    engine.feed(samples)
    if events is not None:
        engine.feed(Batch.from_records(events))
    return engine.finish()


def test_readings_of_a_quiet_recording_do_not_pile_up():
    engine, most = engine_fed(sized(700, 300, seconds=HOUR))
    assert most < 200
    analysis = engine.finish()
    assert analysis.findings == plain(sized(700, 300, seconds=HOUR)).findings


def test_a_balloon_that_moves_in_a_quiet_recording_is_told_as_ever():
    gave = [(500, 100), (1500, 200), (3000, 50)]
    samples = readings(HOUR, 640, gave_mib=gave)
    engine, most = engine_fed(samples)
    assert most < 200
    whole, so_far = plain(samples), engine.finish()
    assert so_far.balloon == whole.balloon
    assert so_far.steps == whole.steps


@pytest.mark.parametrize("values", [300, 5_000, 1 << 20])
def test_events_after_quiet_hours_are_all_told(values):
    # GIVEN an hour with a wait each ten minutes, of which one is open for minutes, and a starved end
    begun = event(600 * SECOND, "direct_reclaim_begin", 7)
    ended = event(1000 * SECOND, "direct_reclaim_end", 7)
    late = waits(60, 200)
    late["time_ns"] += 3500 * SECOND
    events = records(event(SECOND, "kswapd_wake", 60, "kswapd0"), begun, ended, late)
    samples = readings(HOUR, 640, 2, 1.9, from_s=3500)
    whole = plain(samples, events)
    engine, _ = engine_fed(samples, events, values=values)
    told = engine.finish()
    assert told.findings == whole.findings
    assert (told.tiers, told.stalls, told.accounting) == (whole.tiers, whole.stalls, whole.accounting)
    assert told.accounting.late_events == 0


def test_an_imports_readings_wait_for_its_events():
    # GIVEN readings that an import has ahead of an hour of events
    imported = replace(GUEST, imported_from="x.txt")
    engine, most = engine_fed(readings(HOUR, 640), metadata=imported)
    assert most > 3000
    engine.feed(Batch.from_records(waits(60, 200)))
    assert engine.finish().accounting.late_events == 0
