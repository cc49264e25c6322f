"""Puts the page of a comparison together and writes it."""

from __future__ import annotations

import stat
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from ... import __version__
from ...compare.comparing import Comparison
from ...compare.sentence import sentence
from ...compare.words import ALIGNED
from ...outputs import PRIVATE, write_file
from ...wording.numbers import bytes_, seconds
from ..frame import document, filled
from ..section import Section
from . import came_went, differences, rungs, timelines, waits

WHAT: Final = "a comparison"
SECTIONS: Final = (
    Section("differences", "Differences", differences.content, style=True),
    Section("timelines", "Timelines", timelines.content, style=True, script=True),
    Section("rungs", "Ladders", rungs.content),
    Section("waits", "Single waits", waits.content),
    Section("came-went", "Findings that came or went", came_went.content),
)


@dataclass(frozen=True)
class ArmHead:
    """An arm as the head of the page lists it: its mark in charts, its recordings, one line each."""

    number: int
    name: str
    recordings: tuple[str, ...]


@dataclass(frozen=True)
class Head:
    """What the page begins with: arms, what makes them hard to compare, and a sentence for each but the first; `title`
    stands for the arms' names where it is not empty."""

    title: str
    aligned: str
    arms: tuple[ArmHead, ...]
    broken: tuple[str, ...]
    others: tuple[str, ...]
    sentences: tuple[str, ...]
    level: str


def write_comparison(
    path: Path, comparison: Comparison, recordings: Iterable[Path], *, force: bool = False, title: str = ""
) -> int:
    """Write the page to `path` and return its size in bytes; `title` stands for the arms' names.

    It may be read by those who may read all `recordings`, and replaces none. Raises TracerError when it can't be
    written; then there is no half a page.
    """
    inputs = [*recordings]
    page = render(comparison, title).encode("utf-8")
    write_file(path, page, force=force, what=WHAT, mode=_mode_of(inputs), inputs=inputs)
    return len(page)


def _mode_of(recordings: list[Path]) -> int:
    mode = 0o644
    with suppress(OSError):
        for each in recordings:
            mode &= stat.S_IMODE(each.stat().st_mode)
        return mode | PRIVATE
    return PRIVATE


def render(comparison: Comparison, title: str = "") -> str:
    """The whole page as one self-contained HTML document."""
    longest_s = max(run.length_s for arm in comparison.arms for run in arm.runs)
    names = ", ".join(arm.name for arm in comparison.arms)
    context: dict[str, object] = {
        "title": f"{title or names}: reclaim-tracer comparison",
        "head": _head(comparison, title),
        "tool_version": __version__,
    }
    return document("compare.html", filled(SECTIONS, comparison), {"duration": longest_s}, context)


def _head(comparison: Comparison, title: str) -> Head:
    told = any(each.told or each.likely for pair in comparison.pairs for each in pair.differences)
    return Head(
        title,
        ALIGNED[comparison.align],
        tuple(_arm(number, comparison) for number in range(len(comparison.arms))),
        tuple(each.text for each in comparison.obstacles if each.breaks),
        tuple(each.text for each in comparison.obstacles if not each.breaks),
        tuple(map(sentence, comparison.pairs)),
        "unknown" if any(each.breaks for each in comparison.obstacles) or not told else "told",
    )


def _arm(number: int, comparison: Comparison) -> ArmHead:
    arm = comparison.arms[number]
    lines = []
    for run in arm.runs:
        meta = run.facts.metadata
        kernel = f"Linux {meta.kernel_release}" if meta.kernel_release else "unknown kernel"
        memory = bytes_(meta.memory_total_bytes) if meta.memory_total_bytes else "memory size not known"
        lines.append(f"{run.source}: {seconds(run.length_s)}, {kernel}, {memory}, {meta.host or 'unknown host'}")
    return ArmHead(number, arm.name, tuple(lines))
