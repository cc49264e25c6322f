"""Cgroups as people call them."""

from __future__ import annotations

from collections.abc import Sequence

from ..analyze.cgroup_rows import CgroupRow
from .numbers import NOT_KNOWN

_CONTAINER_CHARS = 12
"""So many characters of a container's id `docker ps` and `crictl ps` show."""
NOT_TOLD = "this recording does not tell which cgroups tasks were in"


def cgroup_label(row: CgroupRow) -> str:
    """A pod and a container by their names, since their paths are long; else the path; else the number."""
    if row.path is None:
        return NOT_KNOWN if row.id is None else f"cgroup {row.id} (gone)"
    container = row.container and f"container {row.container[:_CONTAINER_CHARS]}"
    if row.pod:
        return ", ".join(filter(None, (f"pod {row.pod}", container)))
    return container or row.path


def paid(rows: Sequence[CgroupRow]) -> list[CgroupRow]:
    """Those whose tasks waited, reclaimed or were killed."""
    return [row for row in rows if row.spans or row.kills or row.file_pages or row.anon_pages or row.lru_pages]
