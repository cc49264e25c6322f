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
_TIMES: Final = (0.0, 0.1, 0.5)


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
    Load(8.0, 1, 0.25),
    Load(8.0, 1, 0.4),
)


@dataclass(frozen=True)
class Shares:
    """In what share of trials something is said: of any of five costs, and of the one that differs; `usual`: that it
    differs or likely does."""

    any: float
    own: float
    any_usual: float
    own_usual: float


def said(load: Load, recordings: int, times: float, trials: int, seed: int = 1) -> Shares:
    """What is said of a load and of the same one of which one cost is `times` as large."""
    rng = np.random.default_rng(seed)
    counts = np.zeros(4)
    for _ in range(trials):
        sure: list[float | None] = []
        usual: list[float | None] = []
        for cost in range(COSTS):
            sides = [
                [load.part(rng, times if side and not cost else 1.0) for _ in range(recordings)] for side in (0, 1)
            ]
            found = estimate(*sides)
            sure.append(found.p)
            usual.append(found.p if found.p_usual is None else found.p_usual)
        judged = [told(sure), told(usual)]
        counts += [value for each in judged for value in (any(each), each[0])]
    return Shares(*(float(count) / trials for count in counts))


def main() -> None:
    """Prints a table of rates."""
    parser = argparse.ArgumentParser(prog="python -m tests.compare_error_rates", description=__doc__)
    parser.add_argument("--trials", type=int, default=_TRIALS)
    trials = parser.parse_args().trials
    print(f"differs, and in brackets differs or likely\n{'load':28} {'recordings':>10} {'A/A':>14}", end="")
    print("".join(f"{f'{times:g}x':>13}" for times in _TIMES))
    for load in LOADS:
        name = f"bursts {load.bursts:g}, {load.lasting} long, ±{load.between:.0%}"
        for recordings in (1, 2, 3, 5):
            wrong = said(load, recordings, 1.0, trials)
            print(f"{name:28} {recordings:10} {wrong.any:6.1%} ({wrong.any_usual:5.1%})", end="")
            for right in (said(load, recordings, times, trials // 4) for times in _TIMES):
                print(f" {right.own:5.0%} ({right.own_usual:4.0%})", end="")
            print(flush=True)


if __name__ == "__main__":
    main()
