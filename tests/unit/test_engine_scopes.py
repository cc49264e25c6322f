"""Whose limit direct reclaim worked against, and who reclaimed: written streams with what is right beside each."""

from __future__ import annotations

from dataclasses import replace

import pytest
from streams import BALLOON_SHRINKER, METADATA, MS, Records, analyse, counters, event, lru, records, row, slab

from tracer.analyze.model import Analysis, RecorderReclaim, TierRow
from tracer.analyze.terms import Scope, Tier
from tracer.metadata import PlanRow, SourceState
from tracer.recording_facts import RecordingFacts
from tracer.report.ladder import ladder_figures
from tracer.report.section import Source
from tracer.report.stalls import stalls as report_stalls
from tracer.report.timeline.reclaim import reclaim_row
from tracer.terminal.summary_text import summary_text
from tracer.wording.verdict import verdict


def reclaim(kind: str, at_ns: int, pages: int, tid: int = 100, comm: str = "task") -> Records:
    """4 ms of direct reclaim of a kind that takes so many file pages and says so."""
    return records(
        event(at_ns, f"{kind}_reclaim_begin", tid, comm),
        lru(at_ns + MS, tid, pages, comm=comm),
        event(at_ns + 4 * MS, f"{kind}_reclaim_end", tid, comm, nr_reclaimed=pages),
    )


def scopes(found: TierRow) -> dict[Scope, tuple[int | None, int]]:
    """Pages and spans by scope."""
    return {scope: (part.off_lru_pages, part.spans) for scope, part in found.scopes.items()}


def test_direct_reclaim_is_split_by_whose_limit_it_worked_against() -> None:
    stream = records(reclaim("direct", 1 * MS, 30), reclaim("memcg", 2 * MS, 50, 101), reclaim("node", 20 * MS, 7, 102))
    direct = row(analyse(stream), Tier.DIRECT)
    assert scopes(direct) == {Scope.GLOBAL: (30, 1), Scope.MEMCG: (50, 1), Scope.NODE: (7, 1)}
    assert (direct.file_pages, direct.spans, direct.tasks) == (87, 3, 3)


def test_time_in_two_scopes_at_once_counts_once_in_all_of_direct_reclaim() -> None:
    # GIVEN global reclaim from 1 to 5 ms and a cgroup's from 3 to 7 ms
    direct = row(analyse(reclaim("direct", 1 * MS, 30), reclaim("memcg", 3 * MS, 50, 101)), Tier.DIRECT)
    assert direct.busy_s == pytest.approx(0.006)
    assert [part.busy_s for part in direct.scopes.values()] == [pytest.approx(0.004)] * 2
    assert [reclaimer.busy_s for reclaimer in direct.reclaimers] == [pytest.approx(0.006)]


def test_slab_pages_are_known_in_global_reclaim_alone() -> None:
    def with_slab(kind: str) -> TierRow:
        stream = records(
            event(1 * MS, f"{kind}_reclaim_begin"),
            lru(2 * MS, 100, 30),
            slab(3 * MS, 4 * MS, freed=5),
            event(6 * MS, f"{kind}_reclaim_end", nr_reclaimed=40),
        )
        return row(analyse(stream), Tier.DIRECT)

    assert with_slab("direct").slab_pages == 10
    # A cgroup's nr_reclaimed leaves slab's pages out, so objects without pages are all that is known.
    assert with_slab("memcg").slab_pages is None


def test_reclaim_whose_begin_was_not_seen_says_that_its_scope_is_unknown() -> None:
    direct = row(analyse(lru(1 * MS, 100, 5), event(2 * MS, "memcg_reclaim_end", nr_reclaimed=9)), Tier.DIRECT)
    assert scopes(direct) == {Scope.MEMCG: (4, 1), Scope.UNKNOWN: (5, 1)}


def test_soft_limit_reclaim_in_a_tasks_global_reclaim_is_global_and_adds_no_slab() -> None:
    stream = records(
        event(1 * MS, "direct_reclaim_begin"),
        event(2 * MS, "memcg_softlimit_reclaim_begin"),
        lru(3 * MS, 100, 30),
        event(4 * MS, "memcg_softlimit_reclaim_end", nr_reclaimed=30),
        lru(5 * MS, 100, 20),
        event(6 * MS, "direct_reclaim_end", nr_reclaimed=50),
    )
    direct = row(analyse(stream), Tier.DIRECT)
    assert scopes(direct) == {Scope.GLOBAL: (50, 1)}
    assert direct.slab_pages == 0


def test_only_direct_reclaim_has_scopes() -> None:
    stream = records(
        event(1 * MS, "proactive_reclaim_begin"),
        reclaim("memcg", 2 * MS, 50),
        event(9 * MS, "proactive_reclaim_end"),
        event(1 * MS, "kswapd_wake", 60, "kswapd0"),
        event(3 * MS, "kswapd_sleep", 60, "kswapd0"),
    )
    analysis = analyse(stream)
    assert [(found.tier, found.scopes) for found in analysis.tiers] == [(Tier.PROACTIVE, {}), (Tier.BACKGROUND, {})]


def test_episodes_are_split_too() -> None:
    first, second = analyse(reclaim("memcg", 1 * MS, 50), reclaim("direct", 5000 * MS, 30)).episodes
    assert [scopes(episode.tiers[0]) for episode in (first, second)] == [
        {Scope.MEMCG: (50, 1)},
        {Scope.GLOBAL: (30, 1)},
    ]


def test_kernel_threads_that_reclaim_are_named() -> None:
    def kswapd(node: int) -> Records:
        tid, comm = 60 + node, f"kswapd{node}"
        return records(
            event(1 * MS, "kswapd_wake", tid, comm, nid=node),
            lru(2 * MS, tid, 10 + node, comm=comm),
            event(3 * MS, "kswapd_sleep", tid, comm, nid=node),
        )

    stream = records(
        kswapd(0),
        kswapd(1),
        event(4 * MS, "reclaim_pages", 70, "kdamond.0", nr_reclaimed=9),
        event(4 * MS, "reclaim_pages", 71, "task", nr_reclaimed=4),
        reclaim("memcg", 5 * MS, 3, 72, "khugepaged"),
        reclaim("direct", 15 * MS, 2, 73, "kcompactd0"),
        reclaim("direct", 25 * MS, 1, 74, "kcompactd-fan"),
    )
    found = {
        tier.tier: [(who.name, who.nid, who.spans, who.pages) for who in tier.reclaimers]
        for tier in analyse(stream).tiers
    }
    assert found == {
        Tier.PROACTIVE: [("kdamond.0", None, 1, 9), ("tasks", None, 1, 4)],
        Tier.BACKGROUND: [("kswapd0", 0, 1, 10), ("kswapd1", 1, 1, 11)],
        Tier.DIRECT: [("kcompactd0", 0, 1, 2), ("khugepaged", None, 1, 3), ("tasks", None, 1, 1)],
    }


def test_where_no_event_told_of_pages_a_reclaimers_are_unknown() -> None:
    background = row(
        analyse(event(1 * MS, "kswapd_wake", 60, "kswapd0"), event(3 * MS, "kswapd_sleep", 60, "kswapd0")),
        Tier.BACKGROUND,
    )
    assert [(who.name, who.pages, who.busy_s) for who in background.reclaimers] == [
        ("kswapd0", None, pytest.approx(0.002))
    ]


def test_many_names_that_look_like_kernel_threads_take_no_more_memory() -> None:
    stream = records(*(reclaim("direct", at * 10 * MS, 1, 100 + at, f"kcompactd{at}") for at in range(1500)))
    reclaimers = row(analyse(stream), Tier.DIRECT).reclaimers
    assert len(reclaimers) == 1024
    assert sum(who.pages or 0 for who in reclaimers) == 1500


RECORDER = replace(METADATA, recorder_pid=9)


def recorded(own_pages: int, others_pages: int) -> Analysis:
    """Direct reclaim of a thread of the recorder, and of a task."""
    own = reclaim("direct", 1 * MS, own_pages, 10, "recorder")
    own["tgid"] = 9
    return analyse(own, reclaim("direct", 50 * MS, others_pages, 100), metadata=RECORDER)


def test_the_recorders_own_reclaim_is_in_the_totals_and_told_apart() -> None:
    analysis = recorded(30, 70)
    assert row(analysis, Tier.DIRECT).file_pages == 100
    assert analysis.recorder == RecorderReclaim(30, pytest.approx(0.004), 1)
    assert {stall.pid: stall.is_recorder for stall in analysis.stalls} == {10: True, 100: False}


def test_from_five_percent_of_direct_reclaim_on_the_recorder_is_a_finding() -> None:
    (found,) = [found for found in recorded(30, 70).findings if found.kind == "recorder_share"]
    assert "30% of what direct reclaim (global) freed" in found.text
    text = summary_text(recorded(30, 70), RecordingFacts("x", RECORDER))
    assert "1 call of direct reclaim (global)" in " ".join(text.split())
    assert (found.numbers["pages"], found.numbers["pages_share"]) == (30, 0.3)
    little = records(
        *(reclaim("direct", at * 10 * MS, 30, 100 + at) for at in range(30)), reclaim("direct", 400 * MS, 30, 9)
    )
    assert not [found for found in analyse(little, metadata=RECORDER).findings if found.kind == "recorder_share"]


def test_a_recording_that_does_not_say_who_recorded_it_knows_nothing_of_the_recorder() -> None:
    assert analyse(reclaim("direct", 1 * MS, 30)).recorder is None


def sentence(analysis: Analysis, *kinds: str) -> str:
    """The verdict where these kinds were traced."""
    plan = tuple(PlanRow(kind, "tracepoint", SourceState.USED) for kind in kinds)
    return verdict(analysis, RecordingFacts("x", replace(METADATA, plan=plan))).sentence


def test_the_verdict_says_when_all_reclaim_was_inside_cgroups() -> None:
    throttled = event(2 * MS, "throttled", usec_delayed=500)
    in_cgroup = analyse(records(reclaim("memcg", 1 * MS, 512), throttled))
    whole = ("direct_reclaim_begin", "kswapd_wake")
    cgroups = "direct reclaim (memcg) freed 2.0 MiB of page cache, all of it in memory cgroups at their own limit"
    assert f"{cgroups}; the machine was not short of memory; " in sentence(in_cgroup, *whole)
    assert "not short" not in sentence(in_cgroup, "memcg_reclaim_begin")
    for more in (reclaim("direct", 9 * MS, 1), event(9 * MS, "throttled", usec_delayed=500)):
        assert "in memory cgroups" not in sentence(analyse(in_cgroup_and(more)), *whole)


def in_cgroup_and(more: Records) -> Records:
    """A memory cgroup's reclaim and something of the machine's."""
    return records(reclaim("memcg", 1 * MS, 512), more)


def test_damon_is_named_for_what_it_gave_unasked() -> None:
    given = analyse(event(4 * MS, "reclaim_pages", 70, "kdamond.0", nr_reclaimed=512))
    assert "proactive reclaim freed 2.0 MiB of LRU pages (DAMON (kdamond.0) freed 2.0 MiB on its own)" in sentence(
        given
    )


def waits(analysis: Analysis) -> set[tuple[int, Tier, Scope | None, int]]:
    """Thread, tier, scope and times of every stall."""
    return {(stall.pid, stall.tier, stall.scope, stall.spans) for stall in analysis.stalls}


def test_a_task_that_waited_in_two_scopes_has_a_stall_for_each() -> None:
    stream = records(
        reclaim("direct", 1 * MS, 30),
        reclaim("memcg", 10 * MS, 50),
        reclaim("memcg", 20 * MS, 50),
        reclaim("node", 30 * MS, 7, 101),
        event(40 * MS, "throttled", 101, usec_delayed=500),
    )
    assert waits(analyse(stream)) == {
        (100, Tier.DIRECT, Scope.GLOBAL, 1),
        (100, Tier.DIRECT, Scope.MEMCG, 2),
        (101, Tier.DIRECT, Scope.NODE, 1),
        (101, Tier.RETRY, None, 1),
    }


def test_text_names_the_scope_of_stalls_and_of_slab_objects() -> None:
    analysis = analyse(
        records(
            event(1 * MS, "memcg_reclaim_begin"),
            slab(2 * MS, 3 * MS, freed=5),
            event(4 * MS, "memcg_reclaim_end", nr_reclaimed=40),
            reclaim("direct", 10 * MS, 30, 101),
        )
    )
    text = summary_text(analysis, RecordingFacts("x", METADATA))
    assert "slab objects freed in direct (memcg): super_cache_scan 5" in text
    stalls = text.partition("Stalls")[2]
    assert "2 direct (memcg)" in stalls
    assert "2 direct (global)" in stalls
    waited = report_stalls(analysis.stalls, None, 4096).tasks
    assert waited is not None
    assert "2 direct (memcg)" in [cell.text for row in waited.rows for cell in row]


def test_charts_name_all_scopes_that_were_entered() -> None:
    analysis = analyse(reclaim("memcg", 1 * MS, 30), reclaim("direct", 10 * MS, 30, 101))
    row = reclaim_row(Source(analysis, RecordingFacts("x", METADATA)))
    assert [series.look.name for series in row.series] == ["direct (global, memcg) file"]


def test_a_finding_names_the_scope_that_took_from_the_balloon() -> None:
    # GIVEN global reclaim, and a memory cgroup's in which the balloon's shrinker gave pages
    analysis = analyse(
        counters([(0, 1000, 0), (50 * MS, 1000, 256)]),
        records(
            reclaim("direct", 1 * MS, 30, 101),
            event(10 * MS, "memcg_reclaim_begin"),
            slab(11 * MS, 12 * MS, shrink=BALLOON_SHRINKER, freed=256),
            event(13 * MS, "memcg_reclaim_end", nr_reclaimed=40),
        ),
        end_ns=60 * MS,
    )
    (found,) = [found for found in analysis.findings if found.kind == "premature_tap"]
    assert "taken from the balloon as early as direct reclaim (memcg)" in found.text


def test_ladder_charts_have_a_rung_for_each_scope_that_was_entered() -> None:
    analysis = analyse(reclaim("memcg", 1 * MS, 30), reclaim("direct", 10 * MS, 512, 101))
    first, busy, given = ladder_figures(analysis, 4096)
    rungs = first.traces[0]["y"]
    assert rungs[:4] == ["0 proactive", "1 background", "2 direct (global)", "2 direct (memcg)"]
    assert rungs == busy.traces[0]["y"] == given.traces[0]["y"]
    assert given.traces[0]["x"][:4] == [None, None, 2.0, pytest.approx(30 / 256, abs=1e-4)]


def test_what_the_balloons_own_shrinker_freed_is_no_slab() -> None:
    stream = records(
        event(1 * MS, "memcg_reclaim_begin"),
        slab(2 * MS, 3 * MS, shrink=BALLOON_SHRINKER, freed=256, priority=12),
        event(4 * MS, "memcg_reclaim_end", nr_reclaimed=0),
    )
    analysis, facts = analyse(stream), RecordingFacts("x", METADATA)
    assert row(analysis, Tier.DIRECT).slab_pages == 0
    assert "virtio_balloon_shrinker_scan 256 (balloon pages)" in " ".join(summary_text(analysis, facts).split())
    assert "slab objects" not in verdict(analysis, facts).sentence
    other = analyse(records(stream, slab(5 * MS, 6 * MS, freed=3, priority=12)))
    assert row(other, Tier.DIRECT).slab_pages is None


def test_who_told_no_time_has_none_and_not_0_s() -> None:
    stream = records(event(1 * MS, "reclaim_pages", 40, "kdamond.0", nr_reclaimed=100), event(2 * MS, "compact_retry"))
    found = {row.tier: row.reclaimers for row in analyse(stream).tiers}
    assert [(each.name, each.busy_s, each.pages) for each in found[Tier.PROACTIVE]] == [("kdamond.0", None, 100)]
    assert [(each.name, each.busy_s) for each in found[Tier.RETRY]] == [("tasks", None)]
    waited = analyse(event(1 * MS, "throttled", usec_delayed=5000))
    assert row(waited, Tier.RETRY).reclaimers[0].busy_s == pytest.approx(0.005)
