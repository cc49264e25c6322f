"""A memory cgroup at its limit has one shrinker scan its few objects again and again, beside a balloon's many pages."""

from __future__ import annotations

from ..lab import Found, Lab
from ..module_guest import ModuleGuest
from ..policies import RECORD, TAKEN_MIB

__all__ = ["GUEST", "RECORD", "drive", "judge"]
GUEST = ModuleGuest
LIMIT_MIB = 7
NAMES = 500_000


def drive(lab: Lab) -> None:
    """A balloon with a shrinker, a reader that has kswapd ask it for its size, then dentries at a cgroup's limit."""
    guest = lab.guest
    assert isinstance(guest, ModuleGuest)
    guest.put("reclaim_path", "shrinker")
    lab.host_and_wait(lab.full_mib - TAKEN_MIB)
    lab.said(lab.load("stream", "/dev/vdc", lab.full_mib - TAKEN_MIB), "read")
    lab.sampled()
    lab.shell(f"mkdir -p /sys/fs/cgroup/looking && echo {LIMIT_MIB}M >/sys/fs/cgroup/looking/memory.max")
    lab.said(lab.load("lookups", "/", NAMES, cgroup="looking"), "looked")


def judge(found: Found) -> None:
    """The dentries' and inodes' shrinker: its cgroup alone was short, and no other shrinker is asked there."""
    (share,) = found.of_kind("shrinker_share")
    assert share["text"].startswith("Shrinker super_cache_scan did ")
    assert share["numbers"]["scan_share"] > 3 * share["numbers"]["size_share"]
