"""Numbers of events so large that their sums do not fit into 64 bits: refused in a line, or held, never wrapped."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from store_cases import write_recording
from streams import SUPER_CACHE_SCAN, Records, event, records

import tracer
from tracer.errors import RecordingError
from tracer.jobs.analysis import analyse_file

PAGES = (
    ("lru_shrink_inactive", "nr_reclaimed"),
    ("reclaim_pages", "nr_reclaimed"),
    ("virtballoon_free_page_report", "reported_pages"),
    ("report_free_page", "hinted_pages"),
    ("balloon_run_pages", "inflated_pages"),
    ("balloon_run_pages", "deflated_pages"),
    ("balloon_status", "pages_ballooned"),
)


def pairs(*ends: tuple[int, str, str, int]) -> Records:
    """Begins and ends of reclaim, each end with its pages."""
    return records(
        *(
            one
            for time_ns, kind, name, pages in ends
            for one in (event(time_ns, f"{kind}_begin"), event(time_ns + 500, f"{kind}_end", **{name: pages}))
        )
    )


@pytest.mark.parametrize(("kind", "field"), PAGES)
@pytest.mark.parametrize("pages", [1 << 37, 1 << 62, 1 << 63, (1 << 64) - 1])
def test_more_pages_than_any_machine_has_are_refused_by_every_view(tmp_path: Path, kind, field, pages):
    told = records(*(event(2000 + at, kind, **{field: pages}) for at in range(3)))
    path = write_recording(tmp_path / "x.rtrace", told)
    with pytest.raises(RecordingError, match="too large to add up"):
        analyse_file(path)
    with pytest.raises(RecordingError, match="too large to add up"):
        _ = tracer.open(path).analysis


def test_pages_of_reclaim_are_refused_at_the_ends_that_tell_them(tmp_path: Path):
    for number, kind in enumerate(("direct_reclaim", "memcg_reclaim", "node_reclaim")):
        ends = pairs((2000, kind, "nr_reclaimed", 1 << 62), (4000, kind, "nr_reclaimed", 1 << 62))
        path = write_recording(tmp_path / f"{number}.rtrace", ends)
        with pytest.raises(RecordingError, match="too large to add up"):
            analyse_file(path)


def test_as_many_pages_as_a_large_machine_has_are_added_up(tmp_path: Path):
    pages = (64 << 40) // 4096
    told = records(*(event(2000 * at, "reclaim_pages", nr_reclaimed=pages) for at in range(1, 9)))
    analysis, _ = analyse_file(write_recording(tmp_path / "x.rtrace", told))
    assert sum(row.lru_pages or 0 for row in analysis.tiers) == 8 * pages


@pytest.mark.parametrize(
    ("begin", "end"), [((1 << 63) - 1, -(1 << 63)), (-(1 << 63), (1 << 63) - 1), ((1 << 63) - 1, 0), (128, 64)]
)
def test_a_shrinker_with_nonsense_to_scan_never_scanned_fewer_than_none(tmp_path: Path, begin, end):
    calls = [
        one
        for at in range(2000, 12_000, 1000)
        for one in (
            event(at, "shrink_slab_start", shrink=SUPER_CACHE_SCAN, total_scan=begin),
            event(at + 500, "shrink_slab_end", shrink=SUPER_CACHE_SCAN, total_scan=end),
        )
    ]
    analysis, _ = analyse_file(write_recording(tmp_path / "x.rtrace", np.concatenate(calls)))
    (shrinker,) = analysis.shrinkers
    assert shrinker.scanned is not None
    assert (shrinker.scanned > 0, shrinker.scanned >= 0) == (begin > end, True)
