"""How often `compare` is wrong: made-up loads of which the truth is known. `python -m tests.compare_error_rates`.

A load is made of phases, bursts that cluster, and a factor of its own for each recording (`between`, a standard
deviation as a share). Five costs are judged together, as in a comparison.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from tracer.compare.spread import Part, estimate, told

WINDOWS: Final = 32
COSTS: Final = 5
_TRIALS: Final = 200


@dataclass(frozen=True)
class Load:
    """`bursts` a window on average, each lasting `lasting` windows; its level varies `between` recordings."""

    bursts: float
    lasting: int
    between: float

    def part(self, rng: np.random.Generator, times: float = 1.0) -> Part:
        """One recording of it, `times` its usual cost."""
        phase = np.where(np.arange(WINDOWS) % 16 < 8, 1.6, 0.4)
        level = max(0.05, 1 + self.between * float(rng.standard_normal()))
        begun = rng.poisson(self.bursts * phase / self.lasting, WINDOWS) * rng.lognormal(0, 0.5, WINDOWS)
        amount: npt.NDArray[np.float64] = np.convolve(begun, np.ones(self.lasting))[:WINDOWS] * level * times
        return Part(float(amount.sum()), float(WINDOWS), amount)


LOADS: Final = (
    Load(8.0, 1, 0.1),
    Load(8.0, 4, 0.2),
    Load(0.5, 4, 0.2),
    Load(8.0, 1, 0.4),
)


def told_share(load: Load, recordings: int, times: float, trials: int, seed: int = 1) -> tuple[float, float]:
    """In what share of trials a difference is told: of any of five costs, and of the one that is `times` as large."""
    rng = np.random.default_rng(seed)
    any_told = own_told = 0
    for _ in range(trials):
        probabilities = []
        for cost in range(COSTS):
            sides = [
                [load.part(rng, times if side and not cost else 1.0) for _ in range(recordings)] for side in (0, 1)
            ]
            probabilities.append(estimate(*sides).p)
        judged = told(probabilities)
        any_told += any(judged)
        own_told += judged[0]
    return any_told / trials, own_told / trials


def main() -> None:
    """Prints a table of rates."""
    parser = argparse.ArgumentParser(prog="python -m tests.compare_error_rates", description=__doc__)
    parser.add_argument("--trials", type=int, default=_TRIALS)
    trials = parser.parse_args().trials
    print(f"{'load':28} {'recordings':>10} {'A/A':>6} {'0.1x':>6} {'0.5x':>6} {'2x':>6} {'5x':>6}")
    for load in LOADS:
        name = f"bursts {load.bursts:g}, {load.lasting} long, ±{load.between:.0%}"
        for recordings in (1, 3, 5):
            wrong = told_share(load, recordings, 1.0, trials)[0]
            right = [told_share(load, recordings, times, trials // 4)[1] for times in (0.1, 0.5, 2.0, 5.0)]
            print(f"{name:28} {recordings:10} {wrong:6.1%} " + " ".join(f"{each:6.0%}" for each in right), flush=True)


if __name__ == "__main__":
    main()
