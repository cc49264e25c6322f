"""How programs learn the running task's cgroup."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

from ..kernel.cgroup import find_memory_controller
from ..kernel.cgroup_paths import Hierarchy
from ..kernel.paths import ROOT
from ..kernel.remembered import read_types
from .boot_constants import TASK_TYPE, constant_flag
from .trials import RUNNING, Trials

_POINTER_BYTES: Final = 8
_TASK: Final = {"CGROUPS": ("task_struct", "cgroups")}
_VIA_MEMORY: Final = {"SUBSYS": ("css_set", "subsys"), "CGROUP": ("cgroup_subsys_state", "cgroup")}
_VIA_UNIFIED: Final = {"DFL_CGRP": ("css_set", "dfl_cgrp")}
_NUMBER: Final = {"KN": ("cgroup", "kn"), "ID": ("kernfs_node", "id")}
"""Members on the way from a task to the number of its cgroup, in order; of `subsys` the memory controller's."""
_NOT_FOLLOWED: Final = "cgroup v1: on this kernel, programs can't follow a task to its memory cgroup"


@dataclass(frozen=True)
class CgroupIds:
    """Of which hierarchy programs tell cgroups, None where they tell none, with why it is not the memory controller's;
    the compiler's flags for it."""

    hierarchy: Hierarchy | None
    flags: tuple[str, ...] = ()
    reason: str = ""


@cache
def choose_cgroup_ids(root: Path = ROOT, trials: Trials = RUNNING) -> CgroupIds:
    """The memory controller's cgroups, wherever it is. Programs follow the task's own pointers, where the verifier lets
    them; else the kernel's helper tells cgroups of the unified hierarchy, which with v1 stand in.

    See task_css() and task_dfl_cgroup() in include/linux/cgroup.h.
    """
    controller = find_memory_controller(root)
    hierarchy = Hierarchy.MEMORY if controller is not None and controller.version == 1 else Hierarchy.UNIFIED
    if flags := _followed(hierarchy, root, trials):
        return CgroupIds(hierarchy, flags)
    reason = _NOT_FOLLOWED if hierarchy is Hierarchy.MEMORY else ""
    if refusal := trials.why_no_cgroup_id():
        return CgroupIds(None, (), refusal)
    return CgroupIds(Hierarchy.UNIFIED, ("-DRT_CGROUP_BY_HELPER",), reason)


def _followed(hierarchy: Hierarchy, root: Path, trials: Trials) -> tuple[str, ...]:
    """Where a task's cgroup is; empty where nothing tells it, or programs may not look there."""
    types = read_types(root=root)
    if types is None or (index := types.enumerator("memory_cgrp_id")) is None:
        return ()
    via = _VIA_MEMORY if hierarchy is Hierarchy.MEMORY else _VIA_UNIFIED
    places = {name: types.member_offset_bytes(*member) for name, member in (_TASK | via | _NUMBER).items()}
    if None in places.values():
        return ()
    known = {
        name: place + _POINTER_BYTES * index * (name == "SUBSYS") for name, place in places.items() if place is not None
    }
    if not trials.accepts_task_walk(tuple(known.values())):
        return ()
    return (*(f"-DRT_CGROUP_AT_{name}={place}" for name, place in known.items()), constant_flag(TASK_TYPE))
