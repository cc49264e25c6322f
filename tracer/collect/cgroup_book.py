"""Cgroups in records, named as soon as they are seen: they die."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from collections.abc import Set as AbstractSet
from typing import Final

import numpy as np
import numpy.typing as npt

from ..batch import CgroupNames
from ..distinct_values import distinct_values
from ..schema import KIND_BY_NAME
from ..short_records import typed_dtype

_SLOTS: Final = 1 << 12
_MOST: Final = 1 << 15
_MOST_BYTES: Final = 3 << 20
"""Cgroups that get a name, and their paths' size as JSON: a machine that makes new ones for ever must not fill memory,
nor the file beyond what readers take (`CGROUPS` in store/contents.py)."""
_MOST_LATER: Final = 1 << 8
"""Cgroups that are asked for again in each pass."""
_WITH_MEMCG: Final = (KIND_BY_NAME["memcg_reclaim_begin"], KIND_BY_NAME["memcg_softlimit_reclaim_begin"])
"""Kinds that tell whose limit it is, which is not always the task's own cgroup."""


class CgroupBook:
    """Which cgroups have been seen. `path_of` gives a cgroup's path, None where there is none any more, and an empty
    one where it can be asked for later.

    A direct-mapped table answers for nearly every record; only what misses it is looked at one by one.
    """

    def __init__(self, path_of: Callable[[int], str | None]) -> None:
        self._path_of = path_of
        self._known: set[int] = {0}
        self._table = np.zeros(_SLOTS, np.uint32)
        self._new: dict[int, str] = {}
        self._later: set[int] = set()
        self._bytes = 0

    def notice(self, records: npt.NDArray[np.void], present: AbstractSet[int]) -> None:
        """Find the names of new cgroups in records, in which the kinds `present` are."""
        ids = records["cgroup_id"].copy()
        self._learn(ids[self._table.take(ids & np.uint32(_SLOTS - 1), mode="clip") != ids])
        for kind in _WITH_MEMCG:
            if kind.number in present:
                chosen = records[records["kind"] == kind.number]
                self._name(chosen.view(typed_dtype(kind, records.itemsize))["memcg_id"].tolist())

    def take(self) -> Iterator[CgroupNames]:
        """The names found since the last time, if any."""
        for cgroup_id in [*self._later]:
            self._ask(cgroup_id)
        if self._new:
            names, self._new = CgroupNames(self._new), {}
            yield names

    def _learn(self, ids: npt.NDArray[np.uint32]) -> None:
        if len(ids):
            found = distinct_values(ids)
            self._table[found & np.uint32(_SLOTS - 1)] = found
            self._name(found.tolist())

    def _name(self, ids: list[int]) -> None:
        for cgroup_id in ids:
            if cgroup_id in self._known or len(self._known) > _MOST:
                continue
            self._known.add(cgroup_id)
            self._ask(cgroup_id)

    def _ask(self, cgroup_id: int) -> None:
        self._later.discard(cgroup_id)
        path = self._path_of(cgroup_id)
        size = len(json.dumps(path))
        if path and self._bytes + size <= _MOST_BYTES:
            self._bytes += size
            self._new[cgroup_id] = path
        elif path == "" and len(self._later) < _MOST_LATER:
            self._later.add(cgroup_id)
