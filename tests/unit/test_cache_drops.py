"""What giving page cache away without pressure cost afterwards."""

from __future__ import annotations

import numpy as np
import pytest
from shortage_streams import MIB_PAGES, dropping, readings
from streams import MS, SECOND, Records, analyse, event, records

from tracer.analyze import Analysis, Engine
from tracer.analyze.model import Finding
from tracer.analyze.terms import Severity
from tracer.batch import Batch, Samples
from tracer.metadata import Metadata


def told(analysis: Analysis) -> list[Finding]:
    return [finding for finding in analysis.findings if finding.kind == "dropped_cache"]


def pages(analysis: Analysis) -> list[tuple[float, float]]:
    return [(found.numbers["dropped_pages"], found.numbers["again_pages"]) for found in told(analysis)]


def on_request(mib: int, seconds: range, kind: str) -> Records:
    """So much reclaimed each second, by memory.reclaim or DAMON."""
    stream = []
    for at in seconds:
        time_ns, count = at * SECOND + 500 * MS, mib * MIB_PAGES
        if kind == "reclaim_pages":
            stream.append(event(time_ns, kind, 70, "kdamond.0", nr_reclaimed=count))
            continue
        stream += [
            event(time_ns, "proactive_reclaim_begin"),
            event(time_ns + MS, "memcg_reclaim_begin"),
            event(time_ns + 2 * MS, "memcg_reclaim_end", nr_reclaimed=count),
            event(time_ns + 3 * MS, "proactive_reclaim_end"),
        ]
    return records(*stream)


def test_what_drop_caches_took_grows_again():
    (found,) = told(analyse(dropping(300, 200)))
    assert (found.severity, found.start_s, found.end_s) == (Severity.INFO, 9.0, 10.0)
    assert found.text.startswith(
        "drop_caches dropped 300.0 MiB of page cache, which grew again by 200.0 MiB within 60 s"
    )
    assert found.cost == pytest.approx(200 / 512)


@pytest.mark.parametrize(("after_s", "is_told"), [(60, True), (61, False)])
def test_what_comes_back_later_does_not_count(after_s, is_told):
    assert bool(told(analyse(dropping(300, 200, after_s=after_s)))) is is_told


def test_no_more_comes_back_than_went():
    assert pages(analyse(dropping(100, 300))) == [(100 * MIB_PAGES, 100 * MIB_PAGES)]


def test_a_drop_is_open_while_it_is_watched():
    (found,) = told(analyse(dropping(300, 200, after_s=5, seconds=40)))
    assert found.open
    assert "so far" in found.text


@pytest.mark.parametrize("kind", ["memcg_reclaim", "reclaim_pages"])
def test_what_was_reclaimed_on_request_is_read_again(kind):
    # GIVEN 100 MiB reclaimed on request, which the counter has only of memory cgroups, and 80 of them read again
    evicted = 20 if kind == "memcg_reclaim" else 0
    samples = both(readings(100, 0, evicted, 0, from_s=10, until_s=15), readings(100, 0, 0, 8, from_s=20, until_s=30))
    analysis = analyse(samples, on_request(20, range(10, 15), kind))
    assert pages(analysis) == [(100 * MIB_PAGES, 80 * MIB_PAGES)]


def test_what_others_evicted_meanwhile_may_be_what_was_read_again():
    # GIVEN 100 MiB reclaimed on request, 60 more evicted under pressure, and 80 read again: 20 of them surely its own
    samples = both(readings(100, 0, 32, 0, from_s=10, until_s=15), readings(100, 0, 0, 8, from_s=20, until_s=30))
    assert pages(analyse(samples, on_request(20, range(10, 15), "memcg_reclaim"))) == []


@pytest.mark.parametrize(("gave_mib", "is_told"), [(100, True), (99, False)])
def test_a_pulse_of_the_balloon_evicts_what_is_read_again(gave_mib, is_told):
    # GIVEN a balloon that takes 200 MiB from 10 to 20 s, which evicts 80, and gives some back at 25 s
    at = np.arange(101)
    inflated = {"vmstat.balloon_inflate": np.clip(at - 10, 0, 10) * 20 * MIB_PAGES}
    evicting = readings(100, 0, 8, 0, from_s=10, until_s=20, gave_mib=[(25, gave_mib)], **inflated)
    samples = both(evicting, readings(100, 0, 0, 3, from_s=25, until_s=45))
    assert bool(told(analyse(samples))) is is_told


def test_a_pulse_in_a_shortage_is_told_as_that():
    # GIVEN the same pulse and a reader whose load is larger than the memory all along
    at = np.arange(101)
    inflated = {"vmstat.balloon_inflate": np.clip(at - 10, 0, 10) * 20 * MIB_PAGES}
    analysis = analyse(readings(100, 0, 20, 15, gave_mib=[(25, 200)], **inflated))
    assert "thrashing" in {finding.kind for finding in analysis.findings}
    assert told(analysis) == []


def test_drops_far_apart_are_two_and_near_ones_one():
    assert len(told(analyse(sawtooth(every_s=5)))) == 1
    assert len(told(analyse(sawtooth(every_s=20)))) == 5


@pytest.mark.parametrize("piece", [1, 9, 50])
@pytest.mark.parametrize("every_s", [5, 20])
def test_results_do_not_depend_on_how_readings_are_cut(piece, every_s):
    samples = sawtooth(every_s=every_s)
    engine = Engine(Metadata(start_ns=0), {})
    for rows in np.array_split(np.arange(len(samples)), len(samples) // piece):
        engine.feed(Samples(samples.time_ns[rows], samples.names, samples.values[rows]))
        engine.feed(Batch.from_records(event(int(samples.time_ns[rows[-1]]), "kswapd_wake", 60)))
    whole = analyse(samples, event(100 * SECOND, "kswapd_wake", 60), metadata=Metadata(start_ns=0))
    assert told(engine.finish()) == told(whole) != []


def both(one: Samples, other: Samples) -> Samples:
    """Counters that grow by both."""
    return Samples(one.time_ns, one.names, one.values + other.values)


def sawtooth(every_s: int) -> Samples:
    """drop_caches every few seconds from 10 s on, each time of 100 MiB that grow again until the next."""
    at = np.arange(101)
    phase = (at - 10) % every_s
    cache = np.where(at >= 10, 400 + 100 * phase / (every_s - 1), 500)
    columns = {
        "vmstat.nr_active_file": np.rint(cache * MIB_PAGES),
        "vmstat.nr_inactive_file": at * 0,
        "vmstat.drop_pagecache": np.maximum((at - 10) // every_s + 1, 0),
    }
    return readings(100, 0, **columns)
