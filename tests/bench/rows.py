"""A row of the table: what was measured here, what a peer needed for the same, and how many times better we are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from statistics import median
from typing import Any, Self

UNEXPLAINED = "nobody has found out why yet"
DIGITS = 4
"""Significant ones, in the JSON and the table."""


@dataclass(frozen=True)
class Row:
    """Medians of interleaved runs. `peer` is None where there is no such peer or it can't run here: `note` says why.

    `ratio` above 1 means ours is better; `ratio_low` and `ratio_high` are the worst and the best of the single rounds.
    """

    name: str
    group: str
    what: str
    ours: float | None
    peer: float | None
    peer_name: str
    unit: str
    ratio: float | None
    ratio_low: float | None = None
    ratio_high: float | None = None
    rounds: int = 1
    more_is_better: bool = False
    budget: str = ""
    note: str = ""

    def as_json(self) -> dict[str, Any]:
        """The row as docs/performance.json keeps it."""
        return {name: _rounded(value) for name, value in asdict(self).items()}

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Self:
        """The row back; raises TypeError for keys that no row has."""
        return cls(**data)


@dataclass(frozen=True)
class Subject:
    """What a row is about: its name, the table it stands in, the sentence that tells what was measured, the unit.

    `behind` is the reason to give wherever the peer turns out to be better.
    """

    name: str
    group: str
    what: str
    unit: str
    more_is_better: bool = False
    budget: str = ""
    note: str = ""
    behind: str = ""

    def against(self, peer_name: str, ours: Sequence[float], peer: Sequence[float]) -> Row:
        """Our rounds beside the peer's: both lists in the order in which they were run."""
        ratios = [self._ratio(mine, other) for mine, other in zip(ours, peer, strict=True)]
        known = [ratio for ratio in ratios if ratio is not None]
        ratio = self._ratio(median(ours), median(peer))
        return Row(
            **self._words(self._with_reason(ratio)),
            ours=median(ours),
            peer=median(peer),
            peer_name=peer_name,
            ratio=ratio,
            ratio_low=min(known, default=None),
            ratio_high=max(known, default=None),
            rounds=len(ours),
        )

    def alone(self, ours: Sequence[float], peer_name: str = "none", why: str = "") -> Row:
        """Our rounds without a peer's; `why` there is none."""
        return Row(
            **self._words(why or self.note),
            ours=median(ours),
            peer=None,
            peer_name=peer_name,
            ratio=None,
            rounds=len(ours),
        )

    def not_measured(self, peer_name: str, why: str) -> Row:
        """Neither side could run here."""
        return Row(**self._words(why), ours=None, peer=None, peer_name=peer_name, ratio=None, rounds=0)

    def _words(self, note: str) -> dict[str, Any]:
        words = asdict(self) | {"note": note}
        del words["behind"]
        return words

    def _with_reason(self, ratio: float | None) -> str:
        if ratio is None or not 0 < ratio < 1:
            return self.note
        return f"the peer is {1 / ratio:.2f} times better: {self.behind or UNEXPLAINED}. {self.note}".strip()

    def _ratio(self, ours: float, peer: float) -> float | None:
        better, worse = (ours, peer) if self.more_is_better else (peer, ours)
        return better / worse if worse > 0 and better > 0 else None


def _rounded(value: Any) -> Any:
    if isinstance(value, float):
        return float(f"{value:.{DIGITS}g}")
    return value
