"""A reader in a memory cgroup that is smaller than what it reads; then in one that is not."""

from __future__ import annotations

from ..found import Found
from ..lab import Lab
from ..pair import Phase

KINDS = ("memcg_limit",)
READ_MIB = 200
PASSES = 8
LIMIT_MIB, RAISED_MIB = 64, 256
PROBLEM = f"A task reads {READ_MIB} MiB again and again in a memory cgroup with a limit of {LIMIT_MIB} MiB"
FOLLOWED = f"`memory.max` raised to {RAISED_MIB} MiB"
CLAIMS = {"read again": 0.1, "waited for memory": 0.1}


def before() -> Phase:
    """The low limit."""
    return Phase(lambda lab: _drive(lab, LIMIT_MIB))


def after(found: Found) -> Phase:
    """The raised one."""
    return Phase(lambda lab: _drive(lab, RAISED_MIB))


def _drive(lab: Lab, limit_mib: int) -> None:
    lab.shell(f"mkdir -p /sys/fs/cgroup/reader && echo {limit_mib}M >/sys/fs/cgroup/reader/memory.max")
    lab.said(lab.load("stream", "/dev/vdc", READ_MIB, PASSES, cgroup="reader"), "read")
