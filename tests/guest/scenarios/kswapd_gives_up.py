"""kswapd finds nothing to reclaim time after time and is no longer woken, until others have the node balanced again."""

from __future__ import annotations

from ..lab import Found, Lab
from ..recorder import WAIT_S

_WITHOUT_EVENTS = "kswapd gives up there, too, but has no event for it before 7.x"
WITHOUT = {"5.10": _WITHOUT_EVENTS, "6.1": _WITHOUT_EVENTS, "6.12": _WITHOUT_EVENTS}
LEFT_MIB = 40
"""Of what is free or page cache: below the low watermark, above the minimum."""
STEP_MS = 10
CACHED_MIB = 100
ASKED_MIB = 32


def prepare(lab: Lab) -> None:
    """A tenth of memory between any two watermarks."""
    lab.put("/proc/sys/vm/watermark_scale_factor", 1000)


def drive(lab: Lab) -> None:
    """Anonymous memory without swap below the low watermark, then none of it, and some page cache asked for."""
    memory = lab.guest.counters("/proc/meminfo")
    hog = lab.load("hog", (memory["MemFree"] + memory["Cached"]) // 1024 - LEFT_MIB, STEP_MS)
    lab.guest.until(lab.is_hopeless, WAIT_S, "kswapd to give up")
    lab.stop(hog)
    lab.said(lab.load("stream", "/dev/vdc", CACHED_MIB, 1), "read")
    lab.shell(f"echo {ASKED_MIB}M >/sys/fs/cgroup/memory.reclaim || true")
    lab.guest.until(lambda: not lab.is_hopeless(), WAIT_S, "kswapd's failures to be cleared")


def judge(found: Found) -> None:
    """Since when, and what ended it: reclaim by another task than kswapd (KSWAPD_CLEAR_HOPELESS_DIRECT)."""
    found.require_no_fight()
    (gave_up,) = (finding for finding in found.summary["findings"] if finding["kind"] == "kswapd_gave_up")
    assert gave_up["numbers"] == {"nid": 0, "failures": 16, "reason": 2}
    assert gave_up["quality"] == "measured"
    assert 0 < gave_up["start_s"] < gave_up["end_s"] < found.summary["recording"]["duration_s"]
