"""Pages that only the kernel's counters tell of, as every view shows them: the multi-gen LRU of a 6.1 guest."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

import tracer
from tracer.analyze.model import TierRow
from tracer.analyze.terms import Quality, Tier
from tracer.frames import Trace
from tracer.report import RecordingFacts
from tracer.report.page import render
from tracer.terminal.summary_text import summary_text
from tracer.wording.tier_pages import tier_miscount
from tracer.wording.verdict import verdict

RECORDING = Path(__file__).parents[1] / "golden" / "data" / "guest-lru-gen.rtrace"
ROW = TierRow(Tier.BACKGROUND, 0.0, file_pages=512)


@pytest.fixture(scope="module")
def trace() -> Trace:
    return tracer.open(RECORDING)


@pytest.fixture(scope="module")
def facts(trace: Trace) -> RecordingFacts:
    return RecordingFacts(RECORDING.name, trace.metadata)


def test_the_verdict_says_what_was_given_and_that_it_is_inferred(trace, facts):
    assert verdict(trace.analysis, facts).sentence == (
        "No conflict and no cycle: background reclaim freed 352.9 MiB of page cache and 24.1 MiB of anonymous memory "
        "(inferred); direct reclaim (global) freed 71.5 MiB of page cache and 55.8 MiB of anonymous memory (inferred)."
    )


def test_the_text_marks_it(trace, facts):
    lines = summary_text(trace.analysis, facts).splitlines()
    (background,) = (line for line in lines if line.startswith("  1 background") and "MiB" in line)
    assert "~352.9 MiB  ~24.1 MiB" in background
    assert "  ~ background: 377.0 MiB come from the kernel's counters and have no events" in lines


def test_the_report_marks_it(trace, facts):
    page = render(trace.analysis, facts)
    assert "~352.9 MiB" in page
    assert "Background: 377.0 MiB come from the kernel&#39;s counters and have no events." in page


def test_the_frame_has_it_as_inferred(trace):
    ladder = trace.ladder()
    background = ladder[(ladder.tier == "background") & (ladder.source == "file")].iloc[0]
    assert (background.pages, background.quality, background.missed_pages, background.extra_pages) == (
        90_331,
        "inferred",
        96_509,
        0,
    )


@pytest.mark.parametrize(
    ("missed", "extra", "quality", "words"),
    [
        (0, 0, Quality.MEASURED, ""),
        (None, None, Quality.MEASURED, ""),
        (256, 0, Quality.INFERRED, "background: 1.0 MiB come from the kernel's counters and have no events"),
        (0, 256, Quality.INFERRED, "background: the kernel counted 1.0 MiB less than the events show"),
    ],
)
def test_a_tier_says_how_far_it_is_off_the_counters(missed, extra, quality, words):
    row = replace(ROW, missed_pages=missed, extra_pages=extra)
    assert (row.off_lru_quality, tier_miscount(row, 4096)) == (quality, words)


def test_pages_that_nothing_tells_of_are_unknown():
    assert replace(ROW, file_pages=None, anon_pages=None, lru_pages=None).off_lru_quality is Quality.UNKNOWN
