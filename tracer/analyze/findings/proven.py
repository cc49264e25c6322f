"""What following the advice for a kind of finding did in the guest lab: measured there, written by its own command."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final, Self

PROVEN: Final = Path(__file__).with_name("proven.json")
"""Written by `python -m tests.guest.prove --write` (docs/lab.md) and by nobody else."""


@dataclass(frozen=True)
class Paid:
    """One cost of a load: what it came to with the problem, and once the advice was followed, in `unit`."""

    cost: str
    unit: str
    before: float
    after: float

    @property
    def text(self) -> str:
        """`658 MiB -> 0 MiB`."""
        return f"{self.value(self.before)} -> {self.value(self.after)}"

    def value(self, number: float) -> str:
        """One of the two with its unit."""
        return f"{number:,g} {self.unit}".rstrip()


@dataclass(frozen=True)
class Proof:
    """A load of the guest lab with a problem, and the same load with the advice against it followed, on one kernel.

    `pair` names both together, `kinds` are the findings whose advice it is.
    """

    pair: str
    kinds: tuple[str, ...]
    problem: str
    advice: str
    kernel: str
    paid: tuple[Paid, ...]

    @classmethod
    def of(cls, row: dict[str, Any]) -> Self:
        """From a row of the file."""
        return cls(**row | {"kinds": tuple(row["kinds"]), "paid": tuple(Paid(**paid) for paid in row["paid"])})


@cache
def proofs() -> tuple[Proof, ...]:
    """All, by pair and kernel."""
    return tuple(map(Proof.of, json.loads(PROVEN.read_text())))


def write(rows: Sequence[Proof]) -> None:
    """Keep these beside those of other pairs and kernels."""
    kept = {(proof.pair, proof.kernel): proof for proof in (*proofs(), *rows)}
    PROVEN.write_text(json.dumps([asdict(kept[key]) for key in sorted(kept)], indent=1) + "\n")
    proofs.cache_clear()


def told(kind: str) -> tuple[str, ...]:
    """A sentence or two for each pair of a kind: what was done, and what it cost before and after by kernel."""
    by_pair: dict[str, list[Proof]] = {}
    for proof in proofs():
        if kind in proof.kinds:
            by_pair.setdefault(proof.pair, []).append(proof)
    return tuple(map(_paragraph, by_pair.values()))


def _paragraph(own: Sequence[Proof]) -> str:
    measured = "; ".join(
        f"Linux {proof.kernel}: {', '.join(f'{paid.cost} {paid.text}' for paid in proof.paid)}" for proof in own
    )
    return f"{own[0].problem}. Then: {own[0].advice}. {measured}."
