"""Memory cgroups at their own limits, and free pages given to the host: what is told of them and what is not."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from streams import METADATA, MS, SECOND, Records, analyse, event, lru, records

from tracer.analyze.model import Analysis, Finding
from tracer.analyze.terms import Quality, Severity
from tracer.batch import Samples
from tracer.metadata import Metadata, PlanRow, SourceState

ALL_TRACED = ("direct_reclaim_begin", "kswapd_wake", "memcg_reclaim_begin")


def traced(*kinds: str) -> Metadata:
    return replace(METADATA, plan=tuple(PlanRow(kind, "tracepoint", SourceState.USED) for kind in kinds))


def only(analysis: Analysis, kind: str) -> Finding | None:
    return next((finding for finding in analysis.findings if finding.kind == kind), None)


def limited(begin_ns: int, length_ns: int, pages: int, kind: str = "memcg_reclaim", tid: int = 100) -> Records:
    end = event(begin_ns + length_ns, f"{kind}_end", tid, nr_reclaimed=pages)
    return records(event(begin_ns, f"{kind}_begin", tid), lru(begin_ns + MS, tid, pages), end)


def test_a_cgroup_at_its_limit_is_told_with_pages_and_waits() -> None:
    stream = records(limited(SECOND, 400 * MS, 300), limited(5 * SECOND, 800 * MS, 400))
    found = only(analyse(stream, metadata=traced(*ALL_TRACED), end_ns=10 * SECOND), "memcg_limit")
    assert found is not None
    assert found.numbers == {"pages": 700, "stall_s": pytest.approx(1.2), "stalls": 2, "episodes": 2}
    assert (found.start_s, found.end_s, found.severity) == (1.0, 5.8, Severity.WARNING)
    assert found.text.endswith("their tasks (task) waited 1.2 s for it. The machine was not short of memory.")


def test_a_cgroup_that_got_objects_alone_is_not_said_to_have_got_0_mib_of_its_memory() -> None:
    found = only(analyse(limited(SECOND, 1200 * MS, 0), end_ns=9 * SECOND), "memcg_limit")
    assert found is not None
    assert "reclaimed no LRU pages" in found.text


@pytest.mark.parametrize(("end_s", "severity"), [(20, Severity.WARNING), (21, Severity.INFO)])
def test_it_is_a_warning_where_tasks_waited_a_twentieth_of_the_time(end_s: int, severity: Severity) -> None:
    found = only(analyse(limited(SECOND, SECOND, 300), end_ns=end_s * SECOND), "memcg_limit")
    assert found is not None
    assert found.severity is severity


@pytest.mark.parametrize(("machines", "is_found"), [(29, True), (30, False)])
def test_a_machine_that_reclaims_itself_is_short(machines: int, is_found: bool) -> None:
    kswapd = [event(1200 * MS, "kswapd_wake", 60, "kswapd0"), lru(1300 * MS, 60, machines, comm="kswapd0")]
    kswapd.append(event(1400 * MS, "kswapd_sleep", 60, "kswapd0"))
    stream = records(limited(SECOND, 100 * MS, 300), *kswapd)
    assert (only(analyse(stream, end_ns=9 * SECOND), "memcg_limit") is not None) is is_found


def test_a_machine_whose_tasks_wait_is_short() -> None:
    stream = records(limited(SECOND, 100 * MS, 300), limited(1200 * MS, 11 * MS, 1, "direct_reclaim"))
    assert only(analyse(stream, end_ns=9 * SECOND), "memcg_limit") is None


def test_that_the_machine_was_not_short_is_said_only_where_it_would_have_been_seen() -> None:
    found = only(analyse(limited(SECOND, MS * 10, 300), metadata=traced("memcg_reclaim_begin")), "memcg_limit")
    assert found is not None
    assert found.quality is Quality.INFERRED
    assert "It was not traced whether the machine was short of memory too" in found.text


def reporting(pages: int, free: int, metadata: Metadata) -> Finding | None:
    stream = [event(at * MS, "virtballoon_free_page_report", 60, reported_pages=pages // 4) for at in range(1, 5)]
    read = Samples(np.asarray([0, SECOND]), ("vmstat.nr_free_pages",), np.asarray([[free // 2], [free]]))
    return only(analyse(records(*stream), read, metadata=metadata, end_ns=2 * SECOND), "reporting")


@pytest.mark.parametrize(("pages", "again"), [(2000, 1000), (1996, None)])
def test_what_was_reported_beyond_what_was_ever_free_went_again(pages: int, again: int | None) -> None:
    found = reporting(pages, 1000, traced("virtballoon_free_page_report"))
    assert found is not None
    assert (found.numbers["reported_pages"], found.numbers["reports"]) == (pages, 4)
    assert found.numbers.get("again_pages") == again
    assert ("reported again" in found.text) is (again is not None)


def test_reports_whose_pages_nobody_counted_gave_an_unknown_amount() -> None:
    uncounted = {"virtballoon_free_page_report": ("reported_pages",)}
    found = reporting(4, 0, replace(traced("virtballoon_free_page_report"), absent_fields=uncounted))
    assert found is not None
    assert (found.numbers, found.quality) == ({"reports": 4}, Quality.UNKNOWN)


def test_hinted_pages_are_a_lower_bound() -> None:
    hint = event(MS, "report_free_page", 60, hinted_pages=512, cmd_id=5)
    found = only(analyse(hint, metadata=traced("report_free_page"), end_ns=SECOND), "reporting")
    assert found is not None
    assert (found.numbers, found.quality) == ({"hinted_pages": 512}, Quality.LOWER_BOUND)


def test_a_balloon_without_the_features_has_nothing_to_report() -> None:
    def is_judged(*features: str) -> bool:
        metadata = replace(traced("kswapd_wake"), balloon=replace(METADATA.balloon, features=features))
        return "reporting" not in {each.kind for each in analyse(metadata=metadata, end_ns=SECOND).not_judged}

    assert [is_judged("deflate_on_oom"), is_judged("reporting"), is_judged()] == [True, False, False]
