"""Nodes that kswapd gave up on: written streams with what is right beside each."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from streams import METADATA, MS, SECOND, Records, analyse, event, records

from tracer.analyze.model import Analysis, Finding
from tracer.analyze.terms import Quality, Severity
from tracer.metadata import Metadata, PlanRow, SourceState
from tracer.recording_facts import RecordingFacts
from tracer.wording.verdict import verdict

TRACED = replace(METADATA, plan=(PlanRow("kswapd_clear_hopeless", "tracepoint", SourceState.USED),))


def fails(first: int, last: int, nid: int = 0, from_ms: int = 0) -> Records:
    """Failures in a row from the `first` to the `last`, one each ms."""
    rows = (
        event((from_ms + n) * MS, "kswapd_reclaim_fail", 60, "kswapd0", nid=nid, failures=n)
        for n in range(first, last + 1)
    )
    return records(*rows)


def cleared(at_ms: int, reason: int, nid: int = 0) -> Records:
    return event(at_ms * MS, "kswapd_clear_hopeless", nid=nid, reason=reason)


def gave_up(analysis: Analysis) -> list[Finding]:
    return [found for found in analysis.findings if found.kind == "kswapd_gave_up"]


def found_in(*stream: Records, metadata: Metadata = TRACED) -> Finding:
    """The one finding of a stream that ends after a second."""
    (found,) = gave_up(analyse(*stream, metadata=metadata, end_ns=SECOND))
    return found


def test_from_the_sixteenth_failure_in_a_row_on_kswapd_has_given_up() -> None:
    assert not gave_up(analyse(fails(1, 15), end_ns=SECOND))
    found = found_in(fails(1, 16, nid=1))
    assert (found.severity, found.start_s, found.end_s) == (Severity.WARNING, 0.016, 1.0)
    assert (found.numbers, found.quality) == ({"nid": 1, "failures": 16}, Quality.MEASURED)
    assert "kswapd of node 1 failed 16 times in a row" in found.text
    assert "at 0.016 s" in found.text
    assert found.text.endswith("it has not resumed so far.")


@pytest.mark.parametrize(
    ("reason", "words"),
    [
        (0, "for another reason"),
        (1, "until kswapd found the node balanced again"),
        (2, "until direct reclaim had the node balanced again"),
        (3, "until freed pages took one of its zones above the high watermark"),
        (9, "reason 9"),
    ],
)
def test_what_ended_it_is_told(reason: int, words: str) -> None:
    found = found_in(fails(1, 18), cleared(500, reason))
    assert (found.end_s, found.numbers) == (0.5, {"nid": 0, "failures": 18, "reason": reason})
    assert words in found.text
    assert found.text.endswith("at 0.500 s.")


def test_failures_that_were_cleared_in_time_are_no_finding() -> None:
    assert not gave_up(analyse(fails(1, 10), cleared(20, 2), fails(1, 15, from_ms=30)))
    assert not gave_up(analyse(cleared(20, 2)))


def test_nodes_are_told_apart_and_each_time_is_a_finding() -> None:
    found = gave_up(
        analyse(fails(1, 16), fails(1, 17, nid=1, from_ms=20), cleared(40, 2, nid=1), fails(1, 16, nid=1, from_ms=50))
    )
    assert [(each.numbers["nid"], each.numbers.get("reason"), each.start_s) for each in found] == [
        (0, None, 0.016),
        (1, 2, 0.036),
        (1, None, 0.066),
    ]


def test_where_it_was_so_before_the_recording_the_start_is_a_bound() -> None:
    found = found_in(fails(20, 21))
    assert (found.quality, found.numbers["failures"]) == (Quality.LOWER_BOUND, 21)
    assert "gave up before 0.020 s" in found.text


def test_an_end_that_was_not_seen_is_inferred_from_the_count() -> None:
    found = found_in(fails(1, 16), fails(1, 3, from_ms=100))
    assert (found.end_s, found.quality) == (0.101, Quality.INFERRED)
    assert "reason" not in found.numbers
    assert "it resumed before 0.101 s, reason not traced" in found.text


def test_without_the_event_of_an_end_it_is_unknown_whether_it_ended() -> None:
    assert found_in(fails(1, 16), metadata=METADATA).text.endswith("this recording does not show whether it resumed.")


def test_a_node_that_the_event_does_not_tell_is_unknown_and_not_0() -> None:
    found = found_in(fails(1, 16), metadata=replace(TRACED, absent_fields={"kswapd_reclaim_fail": ("nid",)}))
    assert found.numbers == {"failures": 16}
    assert "of an unknown node" in found.text


def test_the_verdict_tells_of_it() -> None:
    judged = verdict(analyse(fails(1, 16), metadata=TRACED, end_ns=SECOND), RecordingFacts("x", TRACED))
    assert (judged.kind, judged.severity) == ("kswapd_gave_up", Severity.WARNING)


@pytest.mark.parametrize("size", [1, 2, 3, 7, 20])
def test_any_cut_gives_the_same_findings(size: int) -> None:
    stream = records(
        fails(1, 17), cleared(30, 3), fails(1, 16, from_ms=40), fails(1, 16, nid=1, from_ms=60), fails(1, 2, from_ms=90)
    )
    pieces = np.split(stream, range(size, len(stream), size))
    assert gave_up(analyse(*pieces, end_ns=SECOND)) == gave_up(analyse(stream, end_ns=SECOND))
    assert len(gave_up(analyse(stream, end_ns=SECOND))) == 3
