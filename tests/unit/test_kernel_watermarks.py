"""Watermarks as /proc/zoneinfo tells them, and unknown where it does not."""

from __future__ import annotations

from pathlib import Path

import pytest
from kernel_tree import put

from tracer.kernel.watermarks import Watermarks, read_watermarks

ZONE = """Node 0, zone {name:>8}
  per-node stats
      nr_inactive_anon 19
  pages free     3840
{boost}        min      {min}
        low      {low}
        high     {high}
        promo    99
        spanned  4095
        present  3998
        managed  {managed}
        cma      0
        protection: (0, 3018, 24129, 24129)
  pagesets
    cpu: 0
              count:    0
              high:     14
              low:      7
              high_min: 3
"""


def zone(name: str, marks: tuple[int, int, int], managed: int = 1000, boost: int | None = 0) -> str:
    line = "" if boost is None else f"        boost    {boost}\n"
    low, middle, high = marks
    return ZONE.format(name=name, boost=line, min=low, low=middle, high=high, managed=managed)


def test_they_are_summed_over_the_zones_that_have_memory(tmp_path: Path) -> None:
    # GIVEN two zones with memory and one without
    text = zone("DMA32", (10, 12, 14)) + zone("Normal", (100, 125, 150)) + zone("Movable", (32, 32, 32), managed=0)
    put(tmp_path, "/proc/zoneinfo", text)
    assert read_watermarks(tmp_path) == Watermarks(110, 137, 164)


def test_a_boost_is_taken_off(tmp_path: Path) -> None:
    put(tmp_path, "/proc/zoneinfo", zone("Normal", (150, 175, 200), boost=50))
    assert read_watermarks(tmp_path) == Watermarks(100, 125, 150)


def test_a_kernel_that_does_not_tell_a_boost_is_read_as_it_is(tmp_path: Path) -> None:
    put(tmp_path, "/proc/zoneinfo", zone("Normal", (100, 125, 150), boost=None))
    assert read_watermarks(tmp_path) == Watermarks(100, 125, 150)


@pytest.mark.parametrize("text", ["", "nothing of the kind\n", "Node 0, zone Normal\n  pages free 1\n  managed 10\n"])
def test_what_is_not_told_is_unknown(tmp_path: Path, text: str) -> None:
    assert read_watermarks(tmp_path) == Watermarks(None, None, None)
    put(tmp_path, "/proc/zoneinfo", text)
    assert read_watermarks(tmp_path) == Watermarks(None, None, None)


def test_this_machines_are_in_order() -> None:
    marks = read_watermarks()
    assert None not in marks
    assert 0 < marks.min_pages <= marks.low_pages <= marks.high_pages
