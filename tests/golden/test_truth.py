"""What is known of the golden inputs from elsewhere (host's log, counters, the kernel's log), held against the expected
summaries: a wrong analysis can't be accepted by regenerating."""

from __future__ import annotations

import json
from typing import Any

import pytest
from golden.cases import DATA

ALL = sorted(path.stem for path in DATA.glob("*.json"))
KILLS = {"E-memcg": 1, "guest-no-deflate": 1, "memcg-kill": 1}
CONTROLS = {
    *("C-free-page-hint", "D-drop-caches", "F-kswapd-stream", "R-free-page-reporting", "drop-slab"),
    *("guest-lru-gen", "memcg-read"),
}
"""In which nobody was killed, nothing went to and fro, and no balloon inflated into reclaim."""
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


@pytest.mark.parametrize("name", sorted(CONTROLS))
def test_nothing_worse_than_information_is_said_of_controls(name):
    assert {finding["severity"] for finding in summary(name)["findings"]} <= {"info"}
    assert summary(name)["verdict"]["severity"] in ("info", None)


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
    leaked = {"host": host, "shrinker": shrinker, "oom_notifier": oom_notifier, "compaction": 0}
    assert balloon["leaked_pages"] == leaked
    assert balloon["quality"] == "measured"


def test_the_shrinker_fights_the_host_in_its_two_stretches_only():
    assert classes("run-shrinker") == {"shrinker-reinflate"}
    assert seconds_of("run-shrinker") == {*range(14, 41), *range(45, 49)}
    storms = [(round(storm["start_s"]), round(storm["end_s"])) for storm in summary("run-shrinker")["storms"]]
    assert storms == [(14, 40), (45, 48)]


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
    # Nor has it the commands that would tell whether the host spoke of hinting or of its target.
    assert (balloon["config_changes"], balloon["target_changes"], balloon["hinted_pages"]) == (2, None, None)
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
    assert "the kernel does not call OOM notifiers" in kill["text"]


def test_streaming_through_the_page_cache_is_kswapds_work():
    tier = tiers("F-kswapd-stream")["background"]
    assert tier["sources"]["file"]["pages"] > 100_000
    assert "oom_notify" not in tiers("F-kswapd-stream")


def test_free_page_reporting_is_no_balloon_work():
    assert {name: tier["spans"] for name, tier in tiers("R-free-page-reporting").items()} == {"proactive": 9}
    balloon = summary("R-free-page-reporting")["balloon"]
    assert not balloon["work_spans"]
    assert (balloon["reports"], balloon["reported_pages"]) == (9, None)
    assert tiers("R-free-page-reporting")["proactive"]["sources"]["reported"]["pages"] is None


def reclaimed(name: str, key: str) -> dict[str, tuple[int, int | None]]:
    """Pages off the LRU lists by tier, and another of the tier's numbers."""
    sources = ("file", "anon", "lru")
    return {
        tier: (sum(row["sources"][source]["pages"] or 0 for source in sources), row[key])
        for tier, row in tiers(name).items()
        if tier in ("background", "direct")
    }


@pytest.mark.parametrize(
    ("name", "kswapd", "direct", "missed"),
    [
        ("guest-host-reasserts", 20_260, 1_580, 1_161),
        ("guest-no-deflate", 37_821, 251, 76),
        ("guest-out-of-reach", 35_133, 527, 151),
        ("guest-lru-gen", 96_509, 32_595, 32_595),
        ("run-shrinker", 377_166, 308, 0),
        ("run-stock-oom", 672, 52, 0),
    ],
)
def test_pages_by_tier_are_what_the_kernel_counted(name, kswapd, direct, missed):
    # Where LRU events are, what is missing is the recorder's own direct reclaim, which these recordings leave out.
    background = kswapd if name == "guest-lru-gen" else 0
    assert reclaimed(name, "missed_pages") == {"background": (kswapd, background), "direct": (direct, missed)}
    assert {extra for _, extra in reclaimed(name, "extra_pages").values()} == {0}


def test_file_and_anonymous_pages_without_an_lru_event_are_the_counters():
    rows = tiers("guest-lru-gen")
    given = {source: sum(row["sources"][source]["pages"] for row in rows.values()) for source in ("file", "anon")}
    assert given == {"file": 108_638, "anon": 20_466}
    assert rows["direct"]["sources"]["slab"]["pages"] is None


@pytest.mark.parametrize("name", ["memcg-read", "memcg-kill"])
def test_memory_cgroups_reclaim_is_in_no_counter_by_tier_there(name):
    assert summary(name)["recording"]["counters_include_memcg"] is False
    assert tiers(name)["direct"]["missed_pages"] == 0
