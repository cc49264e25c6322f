"""Suspend and a wall clock that is set are seen; slewing and slow readings are not taken for them."""

from __future__ import annotations

import pytest

from tracer.kernel.clocks import Clocks, ClockWatch, read_clocks
from tracer.metadata import ClockChange, ClockChangeKind
from tracer.store.note_keys import CLOCK_CHANGES_NOTE
from tracer.store.notes import clock_changes, dropped_events

SECOND = 1_000_000_000


def changes_of(*readings: Clocks) -> list[ClockChange]:
    left = iter(readings)
    watch = ClockWatch(lambda: next(left))
    return [change for _ in readings[1:] for change in watch.changes()]


def reading(monotonic_s: float, asleep_s: float = 0, set_s: float = 0) -> Clocks:
    """The clocks after so much time awake and asleep, the wall clock set by so much since."""
    monotonic, boottime, utc = monotonic_s, monotonic_s + asleep_s, 1_700_000_000 + monotonic_s + asleep_s + set_s
    return Clocks(round(monotonic * SECOND), round(boottime * SECOND), round(utc * SECOND))


def test_clocks_that_run_along_say_nothing():
    assert changes_of(*map(reading, (1, 2, 3.5, 1000))) == []


def test_a_suspend_is_how_long_the_machine_slept():
    assert changes_of(reading(1), reading(2), reading(3, asleep_s=60), reading(4, asleep_s=60)) == [
        ClockChange(3 * SECOND, ClockChangeKind.SUSPENDED, 60 * SECOND)
    ]


@pytest.mark.parametrize("by_s", [3600, -3600, 0.5])
def test_a_wall_clock_that_is_set_is_said_once(by_s):
    (change,) = changes_of(reading(1), reading(2, set_s=by_s), reading(3, set_s=by_s))
    assert change.kind is ClockChangeKind.SET
    assert change.at_ns == 2 * SECOND
    assert change.by_ns == pytest.approx(by_s * SECOND, abs=1_000)


def test_both_at_once_are_two_changes():
    kinds = [change.kind for change in changes_of(reading(1), reading(2, asleep_s=5, set_s=-7))]
    assert kinds == [ClockChangeKind.SUSPENDED, ClockChangeKind.SET]


def test_a_clock_being_slewed_was_not_set():
    assert changes_of(*(reading(s, set_s=s * 0.08) for s in range(1, 100))) == []


def test_the_running_clocks_agree_with_themselves():
    watch = ClockWatch()
    assert watch.changes() == ()
    assert read_clocks().boottime_ns >= read_clocks().monotonic_ns - SECOND


def test_a_note_comes_back():
    change = ClockChange(5, ClockChangeKind.SET, -7)
    assert clock_changes({CLOCK_CHANGES_NOTE: [[5, "set", -7]]}) == (change,)
    assert clock_changes({}) == ()
    assert dropped_events({"dropped_events": {"throttled": 3, "kind 60": 4}}) == 7
    assert dropped_events({}) == 0
