"""A user-space memory killer ends a task that takes all memory before the kernel would."""

from __future__ import annotations

from ..lab import Found, Lab

LOW_PARTS = 16
USER_KILLS = 1


def drive(lab: Lab) -> None:
    """A hog that grows, and a task called earlyoom that holds and kills it once hardly any memory is available."""
    hog = lab.load("hog", 2 * lab.full_mib, 20)
    killer = lab.load("kill_when_low", "earlyoom", hog, lab.full_mib // LOW_PARTS)
    lab.said(killer, "killed")
    assert lab.ended(hog) == -9


def judge(found: Found) -> None:
    """Who killed whom, critical, and no kill of the kernel's."""
    assert (found.kills, found.truth.vmstat["oom_kill"]) == (0, 0)
    (kill,) = found.of_kind("user_kill")
    assert kill["severity"] == "critical"
    assert (kill["numbers"]["processes"], kill["numbers"]["by_cgroup"]) == (1, 0)
    assert kill["text"].startswith("earlyoom (pid ")
    assert "memory cgroup" not in kill["text"]
