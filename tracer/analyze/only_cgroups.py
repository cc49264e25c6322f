"""The part of an analysis that is of some cgroups."""

from __future__ import annotations

from dataclasses import replace
from fnmatch import fnmatchcase

from .cgroup_rows import CgroupNames
from .model import Analysis


def only_cgroups(analysis: Analysis, pattern: str) -> Analysis:
    """The same with the stalls and cgroups of those that match; everything else is the machine's and stays.

    A shell's pattern (`*`, `?`, `[...]`) for a whole path, or for the name of a systemd unit, a pod or a container.
    """
    stalls = [stall for stall in analysis.stalls if cgroup_matches(stall.cgroup, pattern)]
    cgroups = (
        None if analysis.cgroups is None else [row for row in analysis.cgroups if cgroup_matches(row.path, pattern)]
    )
    return replace(analysis, stalls=stalls, cgroups=cgroups)


def cgroup_matches(path: str | None, pattern: str) -> bool:
    """Whether the pattern fits the path, or the unit, pod or container that it names; never where it is not known."""
    names = (path, *CgroupNames.of(path))
    return any(name is not None and fnmatchcase(name, pattern) for name in names)
