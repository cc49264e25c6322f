"""What is known of the golden inputs from elsewhere (host's log, counters, the kernel's log), held against the expected
summaries: a wrong analysis can't be accepted by regenerating."""

from __future__ import annotations

import json
from typing import Any

import pytest
from golden.cases import DATA

ALL = sorted(path.stem for path in DATA.glob("*.json"))
KILLS = {"E-memcg": 1, "guest-no-deflate": 1, "memcg-kill": 1}
CYCLING = {"B-unreachable", "guest-host-reasserts", "guest-out-of-reach", "run-shrinker", "run-stock-oom"}


def summary(name: str) -> dict[str, Any]:
    return json.loads((DATA / f"{name}.json").read_text())


def tiers(name: str) -> dict[str, dict[str, Any]]:
    return {tier["tier"]: tier for tier in summary(name)["tiers"]}


def classes(name: str) -> set[str]:
    return {cycle["class"] for cycle in summary(name)["cycles"]}


def seconds_of(name: str) -> set[int]:
    """The whole seconds in which a recording's cycles lie."""
    cycles = summary(name)["cycles"]
    return {second for cycle in cycles for second in range(int(cycle["start_s"]), int(cycle["end_s"]) + 1)}


def findings(name: str, kind: str) -> list[dict[str, Any]]:
    return [finding for finding in summary(name)["findings"] if finding["kind"] == kind]


@pytest.mark.parametrize("name", ALL)
def test_kills_are_those_that_were(name):
    assert sum(tier["sources"]["process"]["kills"] for tier in summary(name)["tiers"]) == KILLS.get(name, 0)
    assert len(findings(name, "oom_kill")) == KILLS.get(name, 0)


@pytest.mark.parametrize("name", sorted(set(ALL) - CYCLING))
def test_nothing_else_cycles(name):
    assert (summary(name)["cycles"], summary(name)["storms"]) == ([], [])
    leaked = summary(name)["balloon"]["leaked_pages"]
    assert not leaked["shrinker"]
    assert not leaked["oom_notifier"]


@pytest.mark.parametrize(
    ("name", "driver"), [("guest-host-reasserts", "host-reinflate"), ("guest-out-of-reach", "notifier-reinflate")]
)
def test_guests_cycle_by_whom_the_hosts_log_tells(name, driver):
    assert classes(name) == {driver}


@pytest.mark.parametrize(
    ("name", "inflated", "host", "shrinker", "oom_notifier"),
    [
        ("guest-host-reasserts", 108_032, 0, 0, 5_632),
        ("guest-no-deflate", 102_400, 0, 0, 0),
        ("guest-out-of-reach", 209_408, 196_608, 0, 12_800),
        ("run-shrinker", 433_152, 105_344, 327_808, 0),
        ("run-stock", 225_280, 225_280, 0, 0),
        ("run-stock-oom", 232_704, 159_744, 0, 72_960),
    ],
)
def test_pages_are_the_drivers_own_counters(name, inflated, host, shrinker, oom_notifier):
    balloon = summary(name)["balloon"]
    assert balloon["inflated_pages"] == inflated
    assert balloon["leaked_pages"] == {"host": host, "shrinker": shrinker, "oom_notifier": oom_notifier}
    assert balloon["quality"] == "measured"


def test_the_shrinker_fights_the_host_in_its_two_stretches_only():
    assert classes("run-shrinker") == {"shrinker-reinflate"}
    assert seconds_of("run-shrinker") == {*range(14, 41), *range(45, 49)}
    assert summary("run-shrinker")["storms"]


def test_the_oom_notifier_fights_while_the_host_asks_again():
    assert "shrinker-reinflate" not in classes("run-stock-oom")
    assert classes("run-stock-oom") == {"notifier-reinflate", "host-reinflate"}
    assert seconds_of("run-stock-oom") == {30, 31, 32}
    assert tiers("run-stock-oom")["oom_notify"]["spans"] == 285
    assert findings("run-stock-oom", "late_tap")


def test_a_target_out_of_reach_cycles_without_the_host():
    balloon = summary("B-unreachable")["balloon"]
    assert balloon["leaked_pages"]["oom_notifier"] == 332 * 256
    assert balloon["leaked_pages"]["shrinker"] == 0
    assert classes("B-unreachable") == {"notifier-reinflate"}
    assert balloon["target_changes"] == 2


def test_the_hint_shrinker_moves_no_balloon_page():
    balloon = summary("C-free-page-hint")["balloon"]
    # Its trace has no event that counts the balloon's pages.
    assert (balloon["inflated_pages"], set(balloon["leaked_pages"].values())) == (None, {None})
    names = [shrinker["name"] for shrinker in summary("C-free-page-hint")["shrinkers"]]
    assert "virtio_balloon_shrinker_scan" in names


def test_dropping_caches_is_proactive_and_no_episode():
    for name in ("D-drop-caches", "drop-slab"):
        assert (list(tiers(name)), summary(name)["episodes"]) == (["proactive"], [])


@pytest.mark.parametrize(("name", "hog"), [("E-memcg", "hog"), ("memcg-kill", "python3")])
def test_a_memcg_kill_runs_no_notifier_and_says_so(name, hog):
    assert "oom_notify" not in tiers(name)
    (kill,) = findings(name, "oom_kill")
    assert f"chose {hog} " in kill["text"]
    assert "the OOM notifier does not run" in kill["text"]


def test_streaming_through_the_page_cache_is_kswapds_work():
    tier = tiers("F-kswapd-stream")["background"]
    assert tier["sources"]["file"]["pages"] > 100_000
    assert "oom_notify" not in tiers("F-kswapd-stream")


def test_free_page_reporting_is_no_balloon_work():
    assert {name: tier["spans"] for name, tier in tiers("R-free-page-reporting").items()} == {"proactive": 9}
    assert not summary("R-free-page-reporting")["balloon"]["work_spans"]
