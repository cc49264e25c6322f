"""How programs learn the running task's cgroup."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path

from ..kernel.btf import Btf
from ..kernel.cgroup import find_memory_controller
from ..kernel.cgroup_paths import Hierarchy
from ..kernel.paths import ROOT
from . import syscalls

_POINTER_BYTES = 8


@dataclass(frozen=True)
class CgroupIds:
    """Of which hierarchy programs tell cgroups, None where they tell none, with why it is not the memory controller's;
    the compiler's flags for it."""

    hierarchy: Hierarchy | None
    flags: tuple[str, ...] = ()
    reason: str = ""


@cache
def choose_cgroup_ids(root: Path = ROOT) -> CgroupIds:
    """The memory controller's cgroups, wherever it is: with v2 the kernel has a helper for it; with v1 programs follow
    the task's own pointers, where the verifier lets them, else the unified hierarchy's stand in.

    See `cgroup_subsys_state` in include/linux/cgroup-defs.h and task_css() in include/linux/cgroup.h.
    """
    reason = ""
    controller = find_memory_controller(root)
    if controller is not None and controller.version == 1:
        if flags := _memory_flags(root):
            return CgroupIds(Hierarchy.MEMORY, flags)
        reason = "cgroup v1: this kernel lets programs not follow a task to its memory cgroup"
    if refusal := syscalls.why_no_cgroup_id():
        return CgroupIds(None, (), refusal)
    return CgroupIds(Hierarchy.UNIFIED, ("-DRT_CGROUP_BY_ID",), reason)


def _memory_flags(root: Path) -> tuple[str, ...]:
    """Where the task's memory cgroup is; empty where nothing tells it, or programs may not look there."""
    types = Btf.read(root=root)
    if types is None or (index := types.enumerator("memory_cgrp_id")) is None:
        return ()
    members = {
        "CGROUPS": types.member_offset_bytes("task_struct", "cgroups"),
        "CSS": types.member_offset_bytes("css_set", "subsys"),
        "CGROUP": types.member_offset_bytes("cgroup_subsys_state", "cgroup"),
        "KN": types.member_offset_bytes("cgroup", "kn"),
        "KN_ID": types.member_offset_bytes("kernfs_node", "id"),
    }
    places = {name: place for name, place in members.items() if place is not None}
    if len(places) < len(members):
        return ()
    places["CSS"] += _POINTER_BYTES * index
    if not syscalls.accepts_task_walk(tuple(places.values())):
        return ()
    return tuple(f"-DRT_CGROUP_AT_{name}={place}" for name, place in places.items())
