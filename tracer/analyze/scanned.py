"""How many pages scans of the LRU lists looked at, and how sure that is."""

from __future__ import annotations

from typing import Final, NamedTuple, Protocol

from .model import efficiency


class Scanned(NamedTuple):
    """Pages that scans looked at, the share of them that they freed, and for how many scans the kernel does not say
    how many it were: as `TierRow` has them."""

    nr_scanned: int | None
    efficiency: float | None
    silent_scans: int | None


class HasScanned(Protocol):
    """A tier's row, a reclaimer, a cgroup's part of a tier."""

    @property
    def nr_scanned(self) -> int | None:
        """Pages, None where unknown."""

    @property
    def efficiency(self) -> float | None:
        """The share that was freed, None where unknown."""

    @property
    def silent_scans(self) -> int | None:
        """None where they can't be told from others."""


NOT_SCANNED: Final = Scanned(None, None, None)
"""Nothing tells."""


def scanned_pages(scanned: int, freed: int, silent: int, *, told: bool) -> Scanned:
    """Of so many pages, of which so many were freed, in so many `silent` scans; `told`: whether these can be told from
    others."""
    is_known = told or not (scanned or silent)
    return Scanned(scanned, efficiency(freed, scanned), silent if is_known else None)


def is_idle(scanned: HasScanned) -> bool:
    """Whether there certainly was no scan, so that it has no efficiency."""
    return scanned.nr_scanned == scanned.silent_scans == 0


def is_bound(scanned: HasScanned) -> bool:
    """Whether `nr_scanned` is a lower bound, and so `efficiency` an upper one."""
    return scanned.nr_scanned is not None and scanned.silent_scans != 0
