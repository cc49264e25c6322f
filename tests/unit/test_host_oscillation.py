"""A host that turns the balloon to and fro, at whatever period, by steps or by readings alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
from streams import METADATA, MS, SECOND, Records, analyse, counters, event, records, work

from tracer.analyze.balloon.step_columns import StepColumns
from tracer.analyze.balloon.steps import Step
from tracer.analyze.contention.level_swings import SampledLevels
from tracer.analyze.contention.meter import Meter
from tracer.analyze.contention.moves import Moves
from tracer.analyze.contention.oscillation import Oscillations
from tracer.analyze.model import Analysis, Finding
from tracer.analyze.stream.readings import Readings
from tracer.analyze.terms import Cause, CycleClass, Severity
from tracer.batch import Samples
from tracer.schema import SAMPLE_NULL

KIND = "host_oscillation"
MIB_PAGES = 256
FIVE_MINUTES_S = 300


def told(analysis: Analysis) -> list[Finding]:
    return [finding for finding in analysis.findings if finding.kind == KIND]


def swinging(moves_mib: Sequence[int], every_s: int = 5, refaults: int = 0, end_s: int = 0) -> Analysis:
    """Inflations and, negative, deflations, one at a time; so many pages are read again before each."""
    stream, rows, again, inflated, leaked = [], [(0, 0, 0)], [0], 0, 0
    for number, move in enumerate(moves_mib, 1):
        at_ns = number * every_s * SECOND
        stream.append(work(at_ns, at_ns + 10 * MS))
        inflated, leaked = inflated + max(move, 0) * MIB_PAGES, leaked - min(move, 0) * MIB_PAGES
        rows += [(at_ns - MS, *rows[-1][1:]), (at_ns + 20 * MS, inflated, leaked)]
        again += [again[-1] + refaults] * 2
    samples = counters(rows, workingset_refault_file=again)
    return analyse(records(*stream), samples, end_ns=end_s * SECOND or None)


def test_an_hour_of_swings_every_five_minutes_is_one_finding_with_period_amplitude_and_cost():
    # GIVEN a host that takes 512 MiB and gives it back, a move every five minutes, with 5 MiB read again in between
    analysis = swinging([512, -512] * 6, FIVE_MINUTES_S, refaults=5 * MIB_PAGES)
    (one,) = told(analysis)
    # THEN period and amplitude are told, and what moved for nothing is what the cycles and tiles say
    assert one.severity is Severity.WARNING
    assert one.numbers["turns"] == 11
    assert one.numbers["period_s"] == pytest.approx(2 * FIVE_MINUTES_S, rel=0.01)
    assert one.numbers["amplitude_pages"] == 512 * MIB_PAGES
    assert one.numbers["wasted_pages"] == analysis.balloon.wasted_pages == 5 * 2 * 512 * MIB_PAGES
    assert one.numbers["refault_pages"] == 11 * 5 * MIB_PAGES
    assert "4.6 MiB read again" in one.text
    # AND no other kind tells the same again
    assert not {"cycle", "storm"} & {finding.kind for finding in analysis.findings}
    assert {cycle.cycle_class for cycle in analysis.cycles} == {CycleClass.HOST_OSCILLATION}


@pytest.mark.parametrize("period_s", [1, 8, 30, 3600])
def test_the_period_does_not_matter(period_s):
    (one,) = told(swinging([64, -64, 64, -64], period_s))
    assert one.numbers["period_s"] == pytest.approx(2 * period_s, rel=0.01)


@pytest.mark.parametrize(
    ("moves_mib", "found"),
    [
        ([100, -100], 0),
        ([100, -100, 100], 0),
        ([100, -50, 25, -13], 1),
        ([100, -50, 24, -24], 0),
        ([800, -100, 100, -100, 100], 1),
        ([100, -40, 100, -40, 100, -40], 0),
        ([100, 100, 100, 100], 0),
    ],
    ids=[
        "up and back",
        "two turns",
        "each undoes half",
        "one undoes less",
        "around a plateau",
        "corrections",
        "one way",
    ],
)
def test_turns_that_undo_half_of_the_last_move_three_times_in_a_row(moves_mib, found):
    assert len(told(swinging(moves_mib))) == found


def test_swings_of_less_than_a_mebibyte_are_information():
    pages = [(0, 0, 0), (5 * SECOND, 100, 0), (10 * SECOND, 100, 100), (15 * SECOND, 200, 100), (20 * SECOND, 200, 200)]
    (one,) = told(analyse(records(*(work(at * SECOND, at * SECOND + MS) for at in (5, 10, 15, 20))), counters(pages)))
    assert one.severity is Severity.INFO


def test_waiting_for_a_fifth_of_the_time_is_critical():
    def waits(length_s: int) -> Records:
        stream = [work(at * SECOND, at * SECOND + MS) for at in (5, 10, 15, 20)]
        begin, end = event(6 * SECOND, "direct_reclaim_begin"), event((6 + length_s) * SECOND, "direct_reclaim_end")
        merged = records(*stream, begin, end)
        merged.sort(order="time_ns", kind="stable")
        return merged

    big = 64 * MIB_PAGES
    rows = [(0, 0, 0), (5, big, 0), (10, big, big), (15, 2 * big, big), (20, 2 * big, 2 * big)]
    readings = counters([(at * SECOND + 2 * MS, inflated, leaked) for at, inflated, leaked in rows])
    severities = [told(analyse(waits(length_s), readings))[0].severity for length_s in (1, 8)]
    assert severities == [Severity.WARNING, Severity.CRITICAL]


def test_it_is_open_for_a_period():
    assert told(swinging([64, -64, 64, -64], 60, end_s=350))[0].open
    assert not told(swinging([64, -64, 64, -64], 60, end_s=361 + 1))[0].open


def test_a_leak_under_pressure_is_nobodys_swing():
    # GIVEN every second move out taken by an OOM notifier
    half = [work(at * SECOND, at * SECOND + MS) for at in (5, 15)]
    taps = [event(at * SECOND, "oom_notifier_run", 100, cb=0xFFFF_FFFF_8100_0030) for at in (10, 20)]
    stream = records(*half, *taps)
    stream.sort(order="time_ns")
    big = 64 * MIB_PAGES
    rows = [(0, 0, 0), (5, big, 0), (10, big, big), (15, 2 * big, big), (20, 2 * big, 2 * big)]
    readings = counters([(at * SECOND + 2 * MS, inflated, leaked) for at, inflated, leaked in rows])
    analysis = analyse(stream, readings)
    assert sum(analysis.balloon.leaked_pages.values()) == 2 * big
    assert not told(analysis)


def host_samples(name: str, levels_mib: Sequence[int | None], every_s: int = FIVE_MINUTES_S) -> Samples:
    values = [SAMPLE_NULL if level is None else level << 20 for level in levels_mib]
    return Samples(np.arange(len(values)) * every_s * SECOND, (name,), np.asarray(values, np.int64)[:, None])


@pytest.mark.parametrize("name", ["host.target_bytes", "host.actual_bytes", "meminfo.Balloon_bytes"])
def test_readings_alone_tell_it(name):
    metadata = replace(METADATA, sample_interval_s=1.0, plan=())
    levels = [1024, 1024, 512, 512, None, 1024, 1024, 512, 1024]
    (one,) = told(analyse(host_samples(name, levels), metadata=metadata))
    assert (one.numbers["turns"], one.numbers["amplitude_pages"]) == (3, 512 * MIB_PAGES)
    assert "wasted_pages" not in one.numbers
    assert not told(analyse(host_samples(name, levels[:-1]), metadata=metadata))


def test_what_the_steps_tell_is_not_told_again_by_the_hosts_log():
    target = host_samples("host.target_bytes", [1024, 960, 1024, 960, 1024], 5)
    stream = records(*(work(at * SECOND, at * SECOND + MS) for at in (5, 10, 15, 20)))
    big = 64 * MIB_PAGES
    rows = [(0, 0, 0), (5, big, 0), (10, big, big), (15, 2 * big, big), (20, 2 * big, 2 * big)]
    readings = counters([(at * SECOND + 2 * MS, inflated, leaked) for at, inflated, leaked in rows])
    (one,) = told(analyse(stream, target, readings))
    assert one.numbers["wasted_pages"] == 2 * big


def test_the_target_of_a_guest_that_can_not_follow_tells_it():
    # GIVEN a balloon that never moves, by counters, under a target that goes to and fro
    target = host_samples("host.target_bytes", [1024, 512, 1024, 512, 1024], 5)
    (one,) = told(analyse(target, counters([(0, 0, 0), (20 * SECOND, 0, 0)])))
    assert one.text.startswith("The host reversed the balloon's target 3 times")


def test_state_is_bounded_however_long_it_goes_on():
    swings, meter = Oscillations(SECOND, 4096, changes_traced=False), Meter(Readings())
    kept = []
    for number in range(1, 2000):
        out = number % 2 == 0
        step = Step(number * SECOND, number * SECOND + MS, -512 if out else 512, Cause.HOST if out else None, None)
        columns = StepColumns.of_steps([step])
        swings.take(Moves.of(columns, columns.begin_ns[:0]))
        swings.settle(meter.at(swings.edges_ns()))
        kept.append(len(swings.edges_ns()))
    assert max(kept[1000:]) <= max(kept[:20])


@pytest.mark.parametrize("name", ["host.target_bytes", "meminfo.Balloon_bytes"])
def test_a_long_recording_tells_the_true_period_of_what_swings_fast(name):
    # GIVEN more readings than are kept for charts, of a target that turns at every third of them
    metadata = replace(METADATA, sample_interval_s=1.0, plan=())
    levels = [1024 if at // 3 % 2 else 512 for at in range(30_000)]
    (one,) = told(analyse(host_samples(name, levels, 1), metadata=metadata))
    assert one.numbers["period_s"] == pytest.approx(6.0)
    assert one.numbers["turns"] == 9_998
    # AND the same by readings that come one by one
    samples = host_samples(name, levels[:600], 1)
    single = [Samples(samples.time_ns[at : at + 1], samples.names, samples.values[at : at + 1]) for at in range(600)]
    assert told(analyse(*single, metadata=metadata)) == told(analyse(samples, metadata=metadata))


def test_readings_that_swing_for_ever_are_kept_as_one_chain():
    levels = SampledLevels(4096)
    for start in range(0, 100_000, 1000):
        values = [(at // 2 % 2 + 1) << 30 for at in range(start, start + 1000)]
        part = Samples(np.arange(start, start + 1000) * SECOND, ("host.target_bytes",), np.asarray(values)[:, None])
        levels.take(part)
    ((name, chain),) = levels.finish(sizes=False)
    assert (name, chain.swings, chain.last_begin_ns - chain.begin_ns) == ("host.target_bytes", 49_999, 99_996 * SECOND)
