"""Arms of a fleet: effects with intervals over guests, and --fail-on."""

from __future__ import annotations

import json

import numpy as np
import pytest
from fleets import recorded

from tracer.analyze.terms import Quality
from tracer.errors import UsageError
from tracer.fleet.as_json import fleet_json
from tracer.fleet.effects import LEAST_GUESTS, arms_of
from tracer.fleet.gathered import Fleet, Unread
from tracer.fleet.gating import judge_fleet
from tracer.fleet.kept import Found
from tracer.fleet.results import results_of
from tracer.gates.conditions import parse
from tracer.gates.judging import Outcome
from tracer.gates.measures import Number
from tracer.report.fleet.page import render
from tracer.terminal.fleet_text import fleet_text


def fleet_of(seed: int, effect: float, guests: int = 30, hours: int = 1) -> Fleet:
    """Two arms; guests differ from each other more than a guest's recordings do."""
    guest, rng = np.random.default_rng((seed, 0)), np.random.default_rng((seed, 1))
    made = []
    for arm, factor in (("old", 1.0), ("new", effect)):
        for number in range(guests):
            usual = guest.lognormal(3, 0.5) * factor
            for _ in range(hours):
                stall = usual * rng.lognormal(0, 0.1)
                made.append(recorded(f"{arm}-{number}", stall=stall, labels={"policy": arm}))
    return Fleet(made, ())


def stall_effect(fleet: Fleet):
    return next(each for _, each in arms_of(fleet, "policy", "old").of("stall"))


def test_a_large_effect_is_told_and_its_interval_holds_it():
    effect = stall_effect(fleet_of(1, 0.5))
    assert effect.told
    assert effect.low < effect.difference < effect.high < 0
    assert effect.power > 0.8
    assert effect.detectable < abs(effect.difference) * 1.2


def test_where_nothing_differs_seldom_anything_is_told():
    told = sum(stall_effect(fleet_of(seed, 1.0)).told for seed in range(40))
    assert told <= 4


def test_the_interval_holds_the_true_effect_about_as_often_as_it_says():
    true = np.exp(3 + 0.5**2 / 2 + 0.1**2 / 2) * (1.5 - 1)
    held = sum(each.low <= true <= each.high for each in (stall_effect(fleet_of(seed, 1.5)) for seed in range(40)))
    assert held >= 35


def test_recordings_of_one_guest_are_no_guests_of_their_own():
    few = stall_effect(fleet_of(3, 0.5, guests=LEAST_GUESTS, hours=2))
    many = stall_effect(fleet_of(3, 0.5, guests=LEAST_GUESTS, hours=40))
    assert (many.high - many.low) > 0.5 * (few.high - few.low)


def test_too_few_guests_have_a_difference_and_no_interval():
    effect = stall_effect(fleet_of(4, 0.5, guests=LEAST_GUESTS - 1))
    assert effect.difference is not None
    assert (effect.low, effect.p, effect.told) == (None, None, False)
    assert "fewer than" in effect.why


def test_guests_that_do_not_tell_a_number_are_counted_and_in_no_rate():
    fleet = fleet_of(5, 1.0)
    silent = recorded("silent", stall=None, labels={"policy": "new"})
    bound = recorded("cut", stall=Number(9.0, Quality.LOWER_BOUND), labels={"policy": "new"})
    effect = stall_effect(Fleet([*fleet.recordings, silent, bound], ()))
    assert (effect.treatment.guests, effect.treatment.of, effect.treatment.bounds) == (31, 32, 1)


@pytest.mark.parametrize(("key", "control"), [("rack", ""), ("policy", ""), ("policy", "other")])
def test_arms_need_a_label_with_values_and_a_control(key, control):
    with pytest.raises(UsageError, match="--arm"):
        arms_of(fleet_of(6, 1.0, guests=2), key, control)


def outcome(fleet: Fleet, text: str, arms=None) -> tuple[Outcome, bool]:
    (judged,) = judge_fleet(parse(text, compares=True), fleet, arms)
    return judged.outcome, judged.fails


STORM = Found("storm", "critical", 0.0, 1.0, "A storm.")


@pytest.mark.parametrize(
    ("text", "met"),
    [("stall>5s", True), ("stall>20s", False), ("kind:storm", True), ("kind:starved", False), ("kills", False)],
)
def test_a_limit_is_met_where_any_recording_is_beyond_it(text, met):
    fleet = Fleet([recorded("a", stall=1), recorded("b", stall=10, findings=(STORM,))], ())
    assert outcome(fleet, text) == ((Outcome.MET, True) if met else (Outcome.PASSED, False))


def test_what_is_not_known_does_not_pass():
    assert outcome(Fleet([recorded("a", stall=None)], ()), "stall>5s") == (Outcome.UNKNOWN, True)
    assert outcome(Fleet([recorded("a")], [Unread("b", "is empty")]), "stall>5s") == (Outcome.UNKNOWN, True)
    assert outcome(Fleet([recorded("a", unseen="it was cut")], ()), "kind:storm") == (Outcome.UNKNOWN, True)
    assert outcome(Fleet([recorded("a", undecided="why")], ()), "severity>=warning") == (Outcome.UNKNOWN, True)
    assert outcome(Fleet((), ()), "stall>5s") == (Outcome.UNKNOWN, True)


def test_with_arms_the_control_is_not_held_against_limits():
    fleet = fleet_of(7, 1.0)
    bad = recorded("bad", stall=1e6, labels={"policy": "old"})
    fleet = Fleet([*fleet.recordings, bad], ())
    assert outcome(fleet, "stall>1h")[0] is Outcome.MET
    assert outcome(fleet, "stall>1h", arms_of(fleet, "policy", "old"))[0] is Outcome.PASSED


@pytest.mark.parametrize(
    ("effect", "text", "expected"),
    [
        (2.0, "stall>+20%", Outcome.MET),
        (2.0, "stall>+500%", Outcome.PASSED),
        (1.0, "stall>+0%", Outcome.PASSED),
        (2.0, "stall>+1s", Outcome.MET),
        (2.0, "wait>+1s", Outcome.UNKNOWN),
    ],
)
def test_growth_is_held_against_arms(effect, text, expected):
    fleet = fleet_of(8, effect)
    assert outcome(fleet, text, arms_of(fleet, "policy", "old"))[0] is expected


def test_arms_are_on_the_page_in_the_text_and_in_json():
    results = results_of(fleet_of(9, 0.5), ("policy", "old"))
    assert "new against old" in render(results, {})
    assert "new against old" in fleet_text(results)
    told = json.loads(json.dumps(fleet_json(results)))["arms"]
    assert [each["arm"] for each in told["arms"]] == ["new"]
    assert fleet_json(results_of(fleet_of(9, 0.5)))["arms"] is None


def test_a_loss_that_is_not_known_is_not_passed():
    fleet = Fleet([recorded("a", loss=None)], ())
    (judged,) = judge_fleet(parse("loss", compares=False), fleet, None)
    assert judged.outcome is Outcome.UNKNOWN
