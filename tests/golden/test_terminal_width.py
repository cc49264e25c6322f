"""The summary of every golden input fits the terminals that people have."""

from __future__ import annotations

import re

import pytest
from golden.cases import Case, all_cases, opened

from tracer.analyze import Analysis
from tracer.recording_facts import RecordingFacts
from tracer.terminal.cells import cells
from tracer.terminal.paper import Paper
from tracer.terminal.summary_text import summary_text

COLOUR = re.compile(r"\x1b\[[0-9;]*m")


def analysed(case: Case) -> tuple[Analysis, RecordingFacts]:
    trace = opened(case)
    return trace.analysis, trace._part.facts(trace.analysis.accounting.lost)


@pytest.mark.parametrize("case", all_cases(), ids=lambda case: case.name)
def test_no_line_is_wider_than_the_terminal(case: Case) -> None:
    analysis, facts = analysed(case)
    for width in (80, 120, 200):
        plain = summary_text(analysis, facts, Paper(width=width), verbose=True)
        assert max(map(cells, plain.splitlines())) <= width
        coloured = summary_text(analysis, facts, Paper(colour=True, width=width), verbose=True)
        assert COLOUR.sub("", coloured) == plain
        assert (coloured != plain) is any(word in plain for word in ("critical", "warning"))
    words = [set(summary_text(analysis, facts, Paper(width=width)).split()) for width in (80, 120, 200)]
    assert words[0] == words[1] == words[2], "nothing is left out for want of room"


@pytest.mark.parametrize("height", [0, 24, 1000])
def test_the_verdict_comes_last_too_where_the_summary_is_longer_than_the_screen(height: int) -> None:
    case = next(case for case in all_cases() if case.name == "guest-no-deflate")
    analysis, facts = analysed(case)
    parts = summary_text(analysis, facts, Paper(width=80, height=height)).removesuffix("\n").split("\n\n")
    assert parts[1].startswith("Verdict: [critical] ")
    assert (parts[-1] == parts[1]) is (height == 24)
