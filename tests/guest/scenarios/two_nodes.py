"""A task bound to one of two NUMA nodes runs out of memory there: the notifier leaks without asking where."""

from __future__ import annotations

from ..lab import Found, Lab
from ..machine import Hardware

HARDWARE = Hardware(nodes=2)


def drive(lab: Lab) -> None:
    """A balloon over both nodes, then a hog that may use node 1 only."""
    lab.host_and_wait(lab.full_mib - 300)
    lab.shell("echo +cpuset >/sys/fs/cgroup/cgroup.subtree_control; mkdir -p /sys/fs/cgroup/bound")
    lab.shell("echo 1 >/sys/fs/cgroup/bound/cpuset.mems")
    hog = lab.load("hog", lab.full_mib, cgroup="bound")
    assert lab.ended(hog) == -9


def judge(found: Found) -> None:
    """Pages by node, and an OOM that the balloon could help only by chance."""
    assert found.kills == 1
    assert found.leaked["oom_notifier"] > 0
    assert "limited to NUMA node 1," in found.texts("constrained_oom")
    nodes = {node for tier in found.tiers.values() for node in tier["nodes"]}
    assert "1" in nodes
