"""The multi-gen LRU under page cache: a reader goes through more than fits, and kswapd makes room."""

from __future__ import annotations

from ..lab import Found, Lab

WITHOUT = {"5.10": "no multi-gen LRU before 6.1"}
READ_MIB = 1100
ENABLED = "/sys/kernel/mm/lru_gen/enabled"


def prepare(lab: Lab) -> None:
    """Debian's 6.1 has it, switched off."""
    lab.put(ENABLED, "y")


def drive(lab: Lab) -> None:
    """Once through the disk."""
    lab.said(lab.load("stream", "/dev/vdc", READ_MIB, 1), "read")


def judge(found: Found) -> None:
    """kswapd's pages, page cache, whether or not there is an event for them."""
    found.require_no_fight()
    assert found.summary["recording"]["lru_gen_enabled"]
    background = found.tiers["background"]["sources"]
    assert background["file"]["pages"] > 20_000
    assert "proactive" not in found.tiers
