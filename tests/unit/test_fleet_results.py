"""What recordings tell together: guests by cost, groups, times, outliers. What is not known stays so."""

from __future__ import annotations

import json

import pytest
from fleets import recorded

from tracer.analyze.findings.kind import COST_BYTES_S
from tracer.analyze.terms import Quality
from tracer.fleet.as_json import fleet_json
from tracer.fleet.gathered import Fleet, Found, Unread
from tracer.fleet.results import results_of
from tracer.fleet.words import sentence
from tracer.gates.measures import Number
from tracer.report.fleet.page import render
from tracer.terminal.fleet_text import fleet_text


def test_cost_is_waiting_and_bytes_by_hour():
    guest = results_of(Fleet([recorded("a", hours=2, stall=10, waste=COST_BYTES_S, refault=COST_BYTES_S)], ())).guests[
        0
    ]
    assert guest.rates["cost"] == Number(6.0)
    assert guest.rates["stall"] == Number(5.0)


def test_guests_with_kills_come_first_then_the_costliest_and_those_not_known_last():
    fleet = Fleet(
        [
            recorded("cheap", stall=1),
            recorded("dear", stall=50),
            recorded("killed", stall=2, kills=1),
            recorded("silent", stall=None, waste=None, refault=None, kills=None),
        ],
        (),
    )
    assert [guest.name for guest in results_of(fleet).guests] == ["killed", "dear", "cheap", "silent"]


def test_a_number_that_is_not_known_is_none_and_makes_the_cost_a_lower_bound():
    guest = results_of(Fleet([recorded("a", stall=3, waste=None)], ())).guests[0]
    assert guest.rates["waste"] == Number(None, Quality.UNKNOWN, "not traced")
    assert guest.rates["cost"] == Number(3.0, Quality.LOWER_BOUND)


def test_rates_are_over_the_recordings_that_tell_them():
    fleet = Fleet([recorded("a", stall=4, hours=1), recorded("a", stall=None, hours=9)], ())
    assert results_of(fleet).guests[0].rates["stall"].value == 4.0


def test_a_label_names_the_guest_where_hosts_are_called_alike():
    fleet = Fleet([recorded("vm", labels={"guest": "web-1"}), recorded("vm", labels={"guest": "web-2"})], ())
    assert [guest.name for guest in results_of(fleet).guests] == ["web-1", "web-2"]


def test_guests_without_a_name_are_not_one_guest():
    nameless = [recorded(name, host=host) for name, host in (("a", "(none)"), ("b", "(none)"), ("c", None))]
    assert [guest.name for guest in results_of(Fleet(nameless, ())).guests] == ["a.rtrace", "b.rtrace", "c.rtrace"]


def test_groups_are_by_kernel_and_label_with_what_is_not_known_counted():
    fleet = Fleet(
        [
            recorded("a", stall=1, labels={"policy": "x"}),
            recorded("b", stall=3, labels={"policy": "x"}),
            recorded("c", stall=None, labels={"policy": "y"}),
            recorded("d", kernel_release=None),
        ],
        (),
    )
    by_name = {each.name: each for each in results_of(fleet).groupings}
    assert [group.value for group in by_name["kernel"].groups] == ["6.12", "unknown"]
    x, y, unset = sorted(by_name["label:policy"].groups, key=lambda each: each.value == "not set")
    assert (x.spreads["stall"].known, x.spreads["stall"].median, x.spreads["stall"].highest) == (2, 2.0, 3.0)
    assert (y.spreads["stall"].known, y.spreads["stall"].median) == (0, None)
    assert unset.value == "not set"


def test_findings_are_counted_by_the_wall_clock_and_those_without_one_told():
    found = (Found("storm", "critical", 5.0, 1.0, "text"), Found("refault", "info", 7200.0, None, "text"))
    fleet = Fleet(
        [recorded("a", findings=found, start_utc_ns=10**18), recorded("b", findings=found[:1], start_utc_ns=None)], ()
    )
    times = results_of(fleet).over_time
    assert [(each.kind, each.findings, each.guests, sum(each.bins)) for each in times.kinds] == [
        ("storm", 2, 2, 1),
        ("refault", 1, 1, 1),
    ]
    assert times.untimed == 1
    assert len(times.kinds[0].bins) == times.count


def test_a_guest_far_from_its_like_is_an_outlier_and_small_differences_make_none():
    alike = [recorded(f"g{number}", stall=100 + number) for number in range(20)]
    told = results_of(Fleet([*alike, recorded("far", stall=90_000)], ())).outliers
    assert [(each.guest.name, each.measure) for each in told] == [("far", "stall")]
    assert results_of(Fleet(alike, ())).outliers == []
    assert results_of(Fleet([*alike[:5], recorded("far", stall=90_000)], ())).outliers == []


def test_what_could_not_be_read_is_told_and_nothing_is_green_then():
    fleet = Fleet([recorded("a")], [Unread("b.rtrace", "is empty")])
    assert "level-unknown" in render(results_of(fleet), {})
    assert "level-info" in render(results_of(Fleet([recorded("a")], ())), {})
    assert "b.rtrace: is empty" in fleet_text(results_of(fleet))
    assert fleet_json(results_of(fleet))["unread"] == [{"source": "b.rtrace", "why": "is empty"}]


@pytest.mark.parametrize("fleet", [Fleet((), ()), Fleet((), [Unread("x", "why")])])
def test_a_fleet_of_nothing_says_that_nothing_is_known(fleet):
    results = results_of(fleet)
    assert "Nothing is known" in sentence(results)
    assert "Nothing is known" in render(results, {})
    assert json.loads(json.dumps(fleet_json(results)))["guests"] == []


def test_hostile_names_are_escaped():
    name = "<script>alert(1)</script>\x1b[2J"
    each = recorded(name, kernel_release=name, labels={"policy": name}, verdict=name)
    results = results_of(Fleet([each], [Unread(name, name)]))
    page = render(results, {})
    assert "<script>alert" not in page
    assert "\x1b" not in page
    assert "\x1b" not in fleet_text(results)


def test_kills_that_are_not_known_everywhere_are_at_least_so_many():
    fleet = Fleet([recorded("a", kills=2), recorded("b", kills=None)], ())
    told = sentence(results_of(fleet))
    assert told.startswith("At least 2 OOM kills in 1 guest; of 1 recording OOM kills are not known")
    assert sentence(results_of(Fleet([recorded("a", kills=2)], ()))).startswith("2 OOM kills in 1 guest")
    (kernel, *_) = results_of(fleet).groupings
    assert kernel.groups[0].kills == Number(2.0, Quality.LOWER_BOUND)
    assert "&gt;= 2" in render(results_of(fleet), {})


def test_kills_are_told_where_no_cost_is_known():
    told = sentence(results_of(Fleet([recorded("a", kills=1, stall=None, waste=None, refault=None)], ())))
    assert told == "1 OOM kill in 1 guest; what memory cost is not known in any recording."


def test_what_was_not_recorded_is_not_made_up_by_the_hour():
    known, silent = recorded("a", stall=4, hours=1), recorded("a", hours=9, stall=None, waste=None, refault=None)
    assert "half of the cost of at least 4.00 s" in sentence(results_of(Fleet([known, silent], ())))


def test_no_cost_is_told_as_none_only_where_all_of_it_was_seen():
    assert sentence(results_of(Fleet([recorded("a")], ()))) == (
        "No memory was waited for, moved for nothing or read again."
    )
    partly = recorded("a", waste=None)
    assert "read again as far as was seen" in sentence(results_of(Fleet([partly], ())))


def test_a_group_counts_the_guests_whose_rates_are_lower_bounds():
    fleet = Fleet([recorded("a", stall=Number(3.0, Quality.LOWER_BOUND)), recorded("b", stall=1)], ())
    spread = results_of(fleet).groupings[0].groups[0].spreads["stall"]
    assert (spread.known, spread.bounds) == (2, 1)
    assert "lower bound in 1" in render(results_of(fleet), {})
