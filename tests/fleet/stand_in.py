"""What workers of a simulated cluster do in place of an analysis: nothing, or sleep as long as one takes."""

from __future__ import annotations

import json
import math
import random
import time
from dataclasses import replace

from tracer.jobs.fleet.work import MADE, Outcome, Task

_SPREAD = 1.0
"""Of the durations' logarithm: one in six is more than 1.6 times the mean, one in a hundred more than six times."""


def tasks(count: int, mean_s: float, stragglers: float, straggler_s: float, seed: int = 1) -> list[Task]:
    """So many, each with its duration for `stand_in`: log-normal around a mean, and a share that takes much longer."""
    chance = random.Random(seed)
    middle = math.log(mean_s) - _SPREAD**2 / 2 if mean_s else 0.0

    def duration() -> float:
        if chance.random() < stragglers:
            return straggler_s
        return chance.lognormvariate(middle, _SPREAD) if mean_s else 0.0

    template = Task("", "/shared/fleet", 10.0, 1.0)
    return [
        replace(template, source=f"/shared/recordings/guest-{number:06d}/{json.dumps(duration())}.rtrace")
        for number in range(count)
    ]


def duration_of(task: Task) -> float:
    """In seconds."""
    return float(task.source.rpartition("/")[2].removesuffix(".rtrace"))


def stand_in(task: Task) -> Outcome:
    """An outcome as large as that of an analysis, after its duration."""
    duration_s = duration_of(task)
    if duration_s:
        time.sleep(duration_s)
    stamps = ((91_000, 1_790_000_000_000_000_000, 1_234_567),)
    key = "0badcafe-0123456789abcdef01234567"
    return Outcome(task.source, MADE, key, "", stamps, 36_750, 91_000, 36_000, duration_s, 203 << 20)
