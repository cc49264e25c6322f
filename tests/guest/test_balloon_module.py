"""The lab's own balloon against the kernel's counters: what it says of itself is what it did."""

from __future__ import annotations

import pytest
from guest.machine import Hardware
from guest.module_guest import ModuleGuest

SMALL = Hardware(memory_mib=512)
TAKEN_MIB = 200
PAGES = TAKEN_MIB * 256
WAIT_S = 300


@pytest.fixture(scope="module")
def guest():
    with ModuleGuest("6.12", SMALL) as guest:
        yield guest


def take(guest: ModuleGuest, mib: int) -> None:
    guest.set_target(SMALL.memory_mib - mib)
    guest.until(lambda: guest.number("actual_pages") == mib * 256, WAIT_S, f"{mib} MiB in the balloon")


def moved(guest: ModuleGuest, before: dict[str, int]) -> dict[str, int]:
    return {name: count - before[name] for name, count in guest.driver_counters().items() if count != before[name]}


def test_the_host_takes_and_gives(guest):
    before = guest.driver_counters()
    take(guest, TAKEN_MIB)
    take(guest, 0)
    after = moved(guest, before)
    assert (after["inflated_pages"], after["leaked_host_pages"], after["config_changes"]) == (PAGES, PAGES, 2)


def test_as_a_shrinker_it_gives_all_it_has_to_who_drops_slab_caches(guest):
    guest.put("reclaim_path", "shrinker")
    take(guest, TAKEN_MIB)
    before = guest.driver_counters()
    guest.shell("echo 2 >/proc/sys/vm/drop_caches")
    guest.put("reclaim_path", "none")
    after = moved(guest, before)
    assert set(after) == {"leaked_shrinker_pages", "shrinker_scans"}
    assert after["leaked_shrinker_pages"] == PAGES - guest.number("actual_pages")
    assert after["leaked_shrinker_pages"] > PAGES - 1000
    take(guest, 0)


def test_as_an_oom_notifier_it_gives_256_pages_a_call_and_nobody_dies(guest):
    guest.put("reclaim_path", "oom_notifier")
    take(guest, TAKEN_MIB)
    before, kills = guest.driver_counters(), guest.counters()["oom_kill"]
    hog = guest.start("load", "hog", str(SMALL.memory_mib - TAKEN_MIB), oom_score_adj=1000)
    guest.until(lambda: "touched" in guest.output(hog), WAIT_S, "the hog to have its memory")
    after = moved(guest, before)
    assert after["leaked_oom_notifier_pages"] == 256 * after["oom_notifications"] > 0
    assert guest.counters()["oom_kill"] == kills
    guest.kill(hog)
    guest.finish(hog)
    guest.put("reclaim_path", "none")
    take(guest, 0)


def test_its_counters_are_the_kernels(guest):
    kernels, own = guest.counters(), guest.driver_counters()
    leaked = sum(own[f"leaked_{cause}_pages"] for cause in ("host", "shrinker", "oom_notifier"))
    assert (kernels["balloon_inflate"], kernels["balloon_deflate"]) == (own["inflated_pages"], leaked)
    assert kernels["balloon_migrate"] == own["migrated_pages"]


def test_a_bad_path_is_refused(guest):
    with pytest.raises(Exception, match="Invalid argument"):
        guest.put("reclaim_path", "bogus")
