"""Who paid, by cgroup: written streams with what is right beside each, however they are cut."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from streams import METADATA, MS, SECOND, SYMBOLS, Records, analyse, event, lru, records

from tracer.analyze import Engine, Options
from tracer.analyze.cgroup_rows import CgroupNames, CgroupRow
from tracer.analyze.model import Analysis, Finding
from tracer.analyze.terms import Quality, Scope, Tier
from tracer.batch import Batch, LostStretch
from tracer.metadata import Metadata, PlanRow, SourceState
from tracer.schema import KIND_BY_NAME

TOLD = replace(METADATA, cgroup_hierarchy="unified")
BEFORE_7_1 = replace(TOLD, absent_fields={"memcg_reclaim_begin": ("memcg_id",)})
SMALL, LARGE, GONE = 4711, 4712, 70_000
PATHS = {1: "/", SMALL: "/app.slice/small.service", LARGE: "/app.slice/large.service"}


def in_cgroup(cgroup_id: int, *events: Records) -> Records:
    made = records(*events)
    made["cgroup_id"] = cgroup_id
    return made


def reclaim(cgroup_id: int, at_ns: int, wait_ns: int, pages: int, tid: int, kind: str = "memcg") -> Records:
    """Direct reclaim that takes so many file pages, and half as many anonymous ones."""
    begin = event(at_ns, f"{kind}_reclaim_begin", tid)
    scans = (lru(at_ns + 1, tid, pages), lru(at_ns + 2, tid, pages // 2, file=False))
    end = event(at_ns + wait_ns, f"{kind}_reclaim_end", tid, nr_reclaimed=pages + pages // 2)
    return in_cgroup(cgroup_id, begin, *scans, end)


def kill(cgroup_id: int, at_ns: int, victim: int, killer: int) -> Records:
    return in_cgroup(cgroup_id, event(at_ns, "mark_victim", killer, pid=victim, victim_comm=b"victim"))


STREAM = records(
    reclaim(SMALL, 1 * MS, 4 * MS, 40, 100),
    reclaim(SMALL, 11 * MS, 2 * MS, 20, 101),
    reclaim(LARGE, 21 * MS, 1 * MS, 30, 102),
    reclaim(LARGE, 31 * MS, 1 * MS, 30, 100, "direct"),
    in_cgroup(1, lru(40 * MS, 60, 500, comm="kswapd0")),
    reclaim(GONE, 41 * MS, 9 * MS, 10, 103),
    reclaim(0, 51 * MS, 1 * MS, 8, 104),
    kill(SMALL, 60 * MS, victim=100, killer=100),
    kill(SMALL, 61 * MS, victim=102, killer=100),
    kill(SMALL, 62 * MS, victim=999, killer=100),
)


def paid(analysis: Analysis) -> dict[int | None, CgroupRow]:
    assert analysis.cgroups is not None
    return {row.id: row for row in analysis.cgroups}


def test_waits_and_pages_are_those_of_the_cgroups_own_tasks() -> None:
    rows = paid(analyse(STREAM, metadata=BEFORE_7_1, cgroups=PATHS))
    small, large, gone, unknown = rows[SMALL], rows[LARGE], rows[GONE], rows[None]
    assert (small.path, small.unit, small.spans, small.max_ns) == (PATHS[SMALL], "small.service", 2, 4 * MS)
    assert (small.stall_s, small.file_pages, small.anon_pages) == (pytest.approx(0.006), 60, 30)
    assert (large.stall_s, large.file_pages, large.anon_pages) == (pytest.approx(0.002), 60, 30)
    assert [(tier.tier, tier.scope, tier.file_pages) for tier in large.tiers] == [
        (Tier.DIRECT, Scope.GLOBAL, 30),
        (Tier.DIRECT, Scope.MEMCG, 30),
    ]
    assert (gone.path, gone.unit, gone.stall_s) == (None, None, pytest.approx(0.009))
    assert (unknown.path, unknown.spans, unknown.file_pages) == (None, 1, 8)


def test_those_that_waited_longest_come_first_and_kernel_threads_pay_nothing() -> None:
    analysis = analyse(STREAM, metadata=TOLD, cgroups=PATHS)
    assert [row.id for row in analysis.cgroups or ()] == [GONE, SMALL, LARGE, None, 1]
    root = paid(analysis)[1]
    assert (root.path, root.stall_s, root.file_pages) == ("/", 0, 0)
    assert [(tier.tier, tier.file_pages) for tier in root.tiers] == [(Tier.BACKGROUND, 500)]


def test_a_victim_counts_where_it_was_seen_and_else_in_no_cgroup() -> None:
    rows = paid(analyse(STREAM, metadata=BEFORE_7_1, cgroups=PATHS))
    # 100 was in another cgroup when it reclaimed last, but kills itself from this one.
    assert {number: row.kills for number, row in rows.items() if row.kills} == {SMALL: 1, LARGE: 1, None: 1}


def test_a_victim_that_was_seen_too_long_ago_is_in_no_cgroup() -> None:
    stream = records(reclaim(LARGE, 1 * MS, 1 * MS, 3, 102), kill(SMALL, 2 * SECOND, victim=102, killer=100))
    assert {number: row.kills for number, row in paid(analyse(stream, metadata=TOLD)).items()} == {LARGE: None, None: 1}


def test_stalls_are_told_apart_by_cgroup() -> None:
    analysis = analyse(STREAM, metadata=TOLD, cgroups=PATHS)
    mine = {(stall.scope, stall.cgroup): stall.stall_s for stall in analysis.stalls if stall.pid == 100}
    assert mine == {
        (Scope.MEMCG, PATHS[SMALL]): pytest.approx(0.004),
        (Scope.GLOBAL, PATHS[LARGE]): pytest.approx(0.001),
    }


def test_a_recording_without_cgroups_says_so() -> None:
    stream = STREAM.copy()
    stream["cgroup_id"] = 0
    analysis = analyse(stream)
    assert analysis.cgroups is None
    assert {(stall.cgroup, stall.cgroup_id) for stall in analysis.stalls} == {(None, None)}


def limited(memcg_id: int, cgroup_id: int, at_ns: int, wait_ns: int) -> Records:
    """A task of one cgroup reclaims because another one, that around it, is at its limit."""
    made = reclaim(cgroup_id, at_ns, wait_ns, 300, 100)
    begin = made[:1].view(KIND_BY_NAME["memcg_reclaim_begin"].record_dtype)
    begin["memcg_id"] = memcg_id
    return made


def test_whose_limit_it_was_is_told_where_the_kernel_does() -> None:
    above = {**PATHS, 9: "/app.slice"}
    stream = records(limited(9, SMALL, 1 * MS, 30 * MS), limited(SMALL, SMALL, 50 * MS, 10 * MS))
    analysis = analyse(stream, metadata=TOLD, cgroups=above)
    rows = paid(analysis)
    assert (rows[9].limit_spans, rows[9].limit_s, rows[9].spans) == (1, pytest.approx(0.03), 0)
    assert (rows[SMALL].limit_spans, rows[SMALL].limit_s) == (1, pytest.approx(0.01))
    assert rows[SMALL].stall_s == pytest.approx(0.04)
    text = finding(analysis, "memcg_limit").text
    assert text.startswith(f"Memory cgroups (/app.slice, {PATHS[SMALL]}) were at their own limits")
    row = paid(analyse(stream, metadata=BEFORE_7_1, cgroups=above))[SMALL]
    assert (row.limit_spans, row.limit_s) == (None, None)


def test_the_one_cgroup_at_its_limit_is_the_findings() -> None:
    analysis = analyse(limited(9, SMALL, 1 * MS, 30 * MS), metadata=TOLD, cgroups={**PATHS, 9: "/app.slice"})
    assert finding(analysis, "memcg_limit").cgroup == "/app.slice"


def finding(analysis: Analysis, kind: str) -> Finding:
    return next(found for found in analysis.findings if found.kind == kind)


def test_findings_name_the_cgroup_that_they_are_about() -> None:
    stream = records(
        reclaim(SMALL, 1 * MS, 2 * SECOND, 400, 100),
        reclaim(LARGE, 2500 * MS, MS, 1, 101),
        kill(SMALL, 2600 * MS, victim=100, killer=101),
    )
    analysis = analyse(stream, metadata=TOLD, cgroups=PATHS)
    stall, limit, killed = (finding(analysis, kind) for kind in ("long_stall", "memcg_limit", "oom_kill"))
    assert stall.cgroup == killed.cgroup == PATHS[SMALL]
    assert f"task (thread 100, in cgroup {PATHS[SMALL]}) waited 2.0 s" in stall.text
    assert f"their tasks (task; in {PATHS[SMALL]}, {PATHS[LARGE]}) waited 2.0 s" in limit.text
    assert limit.cgroup is None
    alone = analyse(stream[: len(reclaim(SMALL, 0, 1, 1, 1))], metadata=TOLD, cgroups=PATHS)
    assert finding(alone, "memcg_limit").cgroup == PATHS[SMALL]


def test_findings_without_a_known_cgroup_name_none() -> None:
    analysis = analyse(reclaim(0, 1 * MS, 2 * SECOND, 400, 100), metadata=TOLD, cgroups=PATHS)
    assert finding(analysis, "long_stall").cgroup is None
    assert "cgroup" not in finding(analysis, "long_stall").text


def told(*events: Records | LostStretch, **absent: tuple[str, ...]) -> CgroupRow:
    metadata: Metadata = replace(TOLD, absent_fields=absent)
    return paid(analyse(*events, metadata=metadata))[SMALL]


def test_pages_that_nothing_tells_are_unknown() -> None:
    ends = records(event(1 * MS, "memcg_reclaim_begin"), event(2 * MS, "memcg_reclaim_end", nr_reclaimed=7))
    row = told(in_cgroup(SMALL, ends))
    assert (row.file_pages, row.anon_pages, row.lru_pages, row.quality) == (None, None, 7, Quality.MEASURED)
    row = told(in_cgroup(SMALL, ends), memcg_reclaim_end=("nr_reclaimed",))
    assert (row.file_pages, row.anon_pages, row.lru_pages, row.quality) == (None, None, None, Quality.UNKNOWN)
    row = told(reclaim(SMALL, 1 * MS, MS, 40, 100), lru_shrink_inactive=("reclaim_flags",))
    assert (row.file_pages, row.anon_pages, row.lru_pages) == (None, None, 60)


def test_no_pages_are_none_where_scans_were_traced_and_none_came() -> None:
    ends = records(event(1 * MS, "memcg_reclaim_begin"), event(2 * MS, "memcg_reclaim_end"))
    plan = (PlanRow("lru_shrink_inactive", "tracepoint", SourceState.USED),)
    row = paid(analyse(in_cgroup(SMALL, ends), metadata=replace(TOLD, plan=plan)))[SMALL]
    assert (row.file_pages, row.anon_pages, row.quality) == (0, 0, Quality.MEASURED)


def test_lost_scans_make_pages_a_lower_bound() -> None:
    lost = LostStretch(0, 10 * MS, {"lru_shrink_inactive": 3})
    assert told(reclaim(SMALL, 1 * MS, MS, 40, 100), lost).quality is Quality.LOWER_BOUND


@settings(max_examples=25, deadline=None)
@given(st.lists(st.integers(0, len(STREAM)), max_size=6))
def test_however_the_stream_is_cut_the_result_is_the_same(cuts: list[int]) -> None:
    whole = analyse(STREAM, metadata=TOLD, cgroups=PATHS)
    engine = Engine(TOLD, SYMBOLS, Options(), cgroups=PATHS)
    for part in np.split(STREAM, sorted(cuts)):
        engine.feed(Batch.from_records(part))
    cut = engine.finish()
    assert cut.cgroups == whole.cgroups
    assert cut.stalls == whole.stalls


HEX = "0123456789abcdef" * 4
UID = "0f8fad5b-d9cb-469f-a165-70867728950e"
SLICE = f"kubepods-besteffort-pod{UID.replace('-', '_')}.slice"


@pytest.mark.parametrize(
    ("path", "names"),
    [
        (None, CgroupNames()),
        ("/", CgroupNames()),
        ("/system.slice/sshd.service", CgroupNames("sshd.service")),
        ("/user.slice/user-0.slice/user@0.service/app.slice/x.scope/inner", CgroupNames("x.scope")),
        (f"/system.slice/docker-{HEX}.scope", CgroupNames(f"docker-{HEX}.scope", None, HEX)),
        (f"/docker/{HEX}/init", CgroupNames(None, None, HEX)),
        (f"/machine.slice/libpod-{HEX}.scope/container", CgroupNames(f"libpod-{HEX}.scope", None, HEX)),
        (f"/kubepods/burstable/pod{UID}/{HEX}", CgroupNames(None, UID, HEX)),
        (
            f"/kubepods.slice/kubepods-besteffort.slice/{SLICE}/cri-containerd-{HEX}.scope",
            CgroupNames(f"cri-containerd-{HEX}.scope", UID, HEX),
        ),
        (
            f"/kubepods.slice/{SLICE}/crio-{HEX}.scope",
            CgroupNames(f"crio-{HEX}.scope", UID, HEX),
        ),
        (f"/kubepods/pod{HEX[:32]}/{HEX}", CgroupNames(None, HEX[:32], HEX)),
        (f"/kubepods/pod{UID}/crio-conmon-{HEX}.scope", CgroupNames(f"crio-conmon-{HEX}.scope", UID, None)),
        (f"/podium/tripod{UID}x/{HEX[:40]}", CgroupNames()),
    ],
)
def test_a_path_tells_unit_pod_and_container(path: str | None, names: CgroupNames) -> None:
    assert CgroupNames.of(path) == names


@pytest.mark.parametrize("freed", [499, 500])
def test_a_cgroup_that_scans_in_vain_is_named_where_its_tier_does_better(freed: int) -> None:
    def scanning(cgroup_id: int, at_ns: int, scanned: int, pages: int) -> Records:
        scan = event(at_ns + 1, "lru_shrink_inactive", nr_scanned=scanned, nr_reclaimed=pages, reclaim_flags=2)
        return in_cgroup(
            cgroup_id, event(at_ns, "memcg_reclaim_begin"), scan, event(at_ns + 9 * MS, "memcg_reclaim_end")
        )

    stream = records(scanning(SMALL, 1 * MS, 10_000, freed), scanning(LARGE, SECOND, 10_000, 9_000))
    analysis = analyse(stream, metadata=TOLD, cgroups=PATHS)
    small = paid(analysis)[SMALL].tiers[0]
    assert (small.nr_scanned, small.efficiency) == (10_000, pytest.approx(freed / 10_000))
    found = [finding for finding in analysis.findings if finding.kind == "futile_reclaim"]
    assert len(found) == (freed < 500)
    if found:
        assert found[0].cgroup == PATHS[SMALL]
        assert found[0].text.startswith(
            f"Tasks of {PATHS[SMALL]} scanned 10,000 pages of the LRU lists in 9 ms of direct"
        )


def test_of_many_cgroups_that_scan_in_vain_those_that_waited_longest_are_told() -> None:
    def scanning(cgroup_id: int, pages: int, wait_ns: int) -> Records:
        at_ns = cgroup_id * SECOND
        scan = event(at_ns + 1, "lru_shrink_inactive", nr_scanned=20_000, nr_reclaimed=pages, reclaim_flags=2)
        edges = event(at_ns, "memcg_reclaim_begin"), event(at_ns + wait_ns, "memcg_reclaim_end")
        return in_cgroup(cgroup_id, edges[0], scan, edges[1])

    stream = records(*(scanning(number, 0, number * MS) for number in range(1, 11)), scanning(11, 20_000, MS))
    analysis = analyse(stream, metadata=TOLD, cgroups={number: f"/{number}" for number in range(1, 12)})
    found = [finding for finding in analysis.findings if finding.kind == "futile_reclaim"]
    assert {finding.cgroup for finding in found} == {f"/{number}" for number in range(6, 11)}
