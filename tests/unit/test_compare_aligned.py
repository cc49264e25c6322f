"""Recordings that are compared from a moment of their own: a mark, or the host's first command."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from command_line import run
from golden.cases import DATA
from written_recordings import LENGTH_S, START_NS, write_recording

from tracer.analyze import Options
from tracer.compare.align import Align
from tracer.compare.arms import Run
from tracer.jobs.analysis import WHOLE, Span
from tracer.jobs.comparing import ArmFiles, Request
from tracer.store.note_keys import MARKS_NOTE

GUEST = DATA / "guest-host-reasserts.rtrace"


def marked(path: Path, *marks: tuple[float, str]) -> Path:
    """Leaks that come back after 1 and 2.5 s, a kill after 4.5 s, and these marks."""
    return write_recording(path, notes={MARKS_NOTE: [[START_NS + int(at_s * 1e9), words] for at_s, words in marks]})


def aligned(files: list[Path], align: Align, mark: str | None = None, span: Span = WHOLE) -> list[Run]:
    arms = [ArmFiles(str(number), (path,)) for number, path in enumerate(files)]
    comparison = Request(arms, Options(), span, align, mark).run()
    return [run_ for arm in comparison.arms for run_ in arm.runs]


@pytest.fixture
def pair(tmp_path) -> list[Path]:
    early = marked(tmp_path / "early.rtrace", (0.5, "ready"), (2.0, "load"))
    return [early, marked(tmp_path / "late.rtrace", (3.0, "load"), (3.5, "load"))]


def test_a_mark_is_second_0_of_each_and_what_came_before_is_left_out(pair):
    early, late = aligned(pair, Align.MARK, "load")
    assert (early.from_s, late.from_s) == (2.0, 3.0)
    assert (early.length_s, late.length_s) == pytest.approx((LENGTH_S - 2 - 0.05, LENGTH_S - 3 - 0.05), abs=0.06)
    assert [len(each.analysis.cycles) for each in (early, late)] == [1, 0], "the leak at 2.5 s is before the later mark"
    assert [sum(row.kills for row in each.analysis.tiers) for each in (early, late)] == [1, 1]


def test_without_a_text_it_is_the_first_mark(pair):
    assert [each.from_s for each in aligned(pair, Align.MARK)] == [0.5, 3.0]


def test_a_part_counts_from_second_0(pair):
    runs = aligned(pair, Align.MARK, "load", Span(0.5, 1.0))
    assert [each.from_s for each in runs] == [2.5, 3.5]
    assert [each.length_s for each in runs] == pytest.approx([0.5, 0.5])
    assert not any(row.kills for each in runs for row in each.analysis.tiers)


def test_the_hosts_first_command_is_second_0_of_a_real_guest():
    first = run("events", GUEST, "--kind", "virtballoon_changed", "-n", 1, "--json")
    begins_s = json.loads(first.stdout)["time_s"]
    from_host, again = aligned([GUEST, GUEST], Align.HOST)
    whole, _ = aligned([GUEST, GUEST], Align.START)
    assert begins_s > 1
    assert from_host.from_s == again.from_s == pytest.approx(begins_s, abs=1e-6)
    assert from_host.length_s == pytest.approx(whole.length_s - begins_s, abs=1e-6)
