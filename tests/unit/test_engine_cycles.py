"""Pages that leave under pressure and come back, taken move by move or step by step."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from streams import MS

from tracer.analyze.balloon.step_columns import StepColumns
from tracer.analyze.balloon.steps import Step
from tracer.analyze.contention.cycles import PressureCycles
from tracer.analyze.contention.meter import Meter
from tracer.analyze.contention.moves import Moves
from tracer.analyze.model import Cycle
from tracer.analyze.stream.readings import Readings
from tracer.analyze.terms import Cause

STEPS = st.lists(
    st.tuples(
        st.integers(1, 40),
        st.sampled_from([None, None, Cause.SHRINKER, Cause.OOM_NOTIFIER, Cause.HOST]),
        st.integers(1, 9),
    ),
    max_size=40,
)


def steps_of(drawn: list[tuple[int, Cause | None, int]]) -> list[Step]:
    """Steps of 1 ms each, some milliseconds after each other."""
    steps, time_ns = [], 0
    for number, (pause, cause, pages) in enumerate(drawn):
        time_ns += pause * MS
        steps.append(Step(time_ns - MS, time_ns, pages if cause is None else -pages, cause, number))
    return steps


def cycles_of(batches: list[list[Step]]) -> list[Cycle]:
    """The cycles of steps that come in these batches; what leaked more than 100 ms ago stays out."""
    cycles, meter = PressureCycles(100 * MS, lambda since_ns, until_ns: False, changes_traced=False), Meter(Readings())
    for steps in batches:
        columns = StepColumns.of_steps(steps)
        cycles.take(Moves.of(columns, columns.begin_ns[:0]))
        cycles.settle(steps[-1].end_ns if steps else 0, meter.at(cycles.edges_ns()))
    cycles.finish(meter.at(cycles.edges_ns()))
    return cycles.found.cycles(0)


@given(STEPS)
def test_a_move_at_once_is_its_steps_one_after_the_other(drawn: list[tuple[int, Cause | None, int]]) -> None:
    steps = steps_of(drawn)
    assert cycles_of([steps]) == cycles_of([[step] for step in steps])


def test_pages_that_left_too_long_ago_when_their_turn_comes_stay_out() -> None:
    # GIVEN ten pages that leave at 10 ms and five at 80 ms, and an inflation that comes to the older ones after 110 ms
    left = [Step(9 * MS, 10 * MS, -10, Cause.SHRINKER, 1), Step(79 * MS, 80 * MS, -5, Cause.SHRINKER, 2)]
    back = [Step(99 * MS, 100 * MS, 7, None, 3), Step(119 * MS, 120 * MS, 7, None, 4)]
    # THEN it brings back the newer five and two of the others
    (cycle,) = cycles_of([left + back])
    assert (cycle.leaked_pages, cycle.reinflated_pages, cycle.spans) == (15, 7, [1, 2, 3])
