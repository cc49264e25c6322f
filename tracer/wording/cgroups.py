"""Cgroups as people call them."""

from __future__ import annotations

from collections.abc import Sequence

from ..analyze.cgroup_rows import CgroupRow, short_name
from .numbers import NOT_KNOWN

NOT_TOLD = "this recording does not tell which cgroups tasks were in"


def cgroup_label(row: CgroupRow) -> str:
    """Its name, else its number: that of a cgroup that came and went, or that the recorder could not see."""
    if row.path is None:
        return NOT_KNOWN if row.id is None else f"cgroup {row.id} (path unknown)"
    return short_name(row.path)


def paid(rows: Sequence[CgroupRow]) -> list[CgroupRow]:
    """Those whose tasks waited, reclaimed or were killed, or that were at their limits."""
    return [row for row in rows if row.spans or row.kills or row.limit_spans or any(_pages(row))]


def _pages(row: CgroupRow) -> tuple[int | None, ...]:
    return row.file_pages, row.anon_pages, row.lru_pages
