"""The state at a moment: for each one that has it, and one that just has not."""

from __future__ import annotations

from dataclasses import replace
from itertools import groupby

import pytest
from balloon_streams import shrinker_storm
from looking import LOOK_S, recorded, snapshots
from shortage_streams import guest, readings, waits
from streams import METADATA, MS, SECOND, event, records

from tests.golden.cases import DATA
from tracer.batch import LostStretch
from tracer.live.model import Snapshot, State
from tracer.live.observer import StreamHealth
from tracer.metadata import BalloonInfo, PlanRow, SourceState
from tracer.store import Recording

MACHINE = replace(METADATA, balloon=BalloonInfo())
"""One without a balloon, of which nothing is unknown."""
TICK = records(event(0, "wakeup_kswapd"))
"""Something, so that a stream is not empty."""


def states(looks: list[Snapshot]) -> list[tuple[str, float]]:
    """Each state with the time of the first look that shows it."""
    rows = groupby(looks, key=lambda look: look.standing.state)
    return [(state.value, next(group).now_s) for state, group in rows]


def at(looks: list[Snapshot], time_s: float) -> Snapshot:
    return min(looks, key=lambda look: abs(look.now_s - time_s))


def reclaim(begin_ns: int, end_ns: int, kind: str = "direct_reclaim", tid: int = 100, **more: object):
    return records(
        event(begin_ns, f"{kind}_begin", tid, **more), event(end_ns, f"{kind}_end", tid, nr_reclaimed=32, **more)
    )


def test_nothing_is_fine_before_the_first_full_second():
    # GIVEN a quiet machine
    looks = snapshots(TICK, metadata=MACHINE, until_s=3)
    # THEN it is called fine after a second
    assert states(looks) == [("blind", 0.25), ("ok", 1.0)]
    assert looks[-1].standing.since_s == 0.0


def test_nothing_is_fine_where_the_stream_was_cut():
    # GIVEN a quiet machine whose stream ends by its mark, or without it
    looks = {
        end: snapshots(TICK, metadata=MACHINE, until_s=5, health=StreamHealth(ended=end)) for end in ("closed", "cut")
    }
    # THEN nobody knows what became of the machine that was cut off
    assert {end: seen[-1].standing.state for end, seen in looks.items()} == {"closed": State.OK, "cut": State.BLIND}
    assert looks["cut"][-1].standing.why.startswith("What has happened since is not known.")


def test_nothing_is_fine_for_ten_seconds_after_a_loss():
    # GIVEN events lost at 3 s
    looks = snapshots(TICK, LostStretch(2 * SECOND, 3 * SECOND, {"kswapd_wake": 7}), metadata=MACHINE, until_s=15)
    # THEN nobody can say until 13 s
    assert states(looks) == [("blind", 0.25), ("ok", 1.0), ("blind", 3.0), ("ok", 13.25)]
    assert at(looks, 5).standing.since_s == 2.0
    assert at(looks, 5).standing.why.startswith("7 events were lost in the last 10 s")
    assert at(looks, 5).flow.lost_events == 7


def test_what_is_seen_in_spite_of_a_loss_is_told():
    # GIVEN a wait of seconds beside a loss
    stream = records(reclaim(0, MS), reclaim(SECOND, 5 * SECOND))
    looks = snapshots(stream, LostStretch(2 * SECOND, 3 * SECOND, {"kswapd_wake": 7}), until_s=4.5)
    assert looks[-1].standing.state is State.BLIND
    assert "Seen all the same, stalled" in looks[-1].standing.why


@pytest.mark.parametrize(("lag_s", "state"), [(2.9, State.OK), (3.1, State.BLIND), (None, State.OK)])
def test_where_nothing_comes_nothing_is_fine(lag_s: float | None, state: State):
    last = snapshots(TICK, metadata=MACHINE, until_s=5, health=StreamHealth(lag_s=lag_s))[-1]
    assert last.standing.state is state
    assert last.flow.lag_s == lag_s


def test_a_view_that_is_late_tells_of_a_loss_as_well():
    # GIVEN events lost at 3 s, and a view that was stopped and has most of it still to analyse
    loss = LostStretch(2 * SECOND, 3 * SECOND, {"kswapd_wake": 7})
    last = snapshots(TICK, loss, metadata=MACHINE, until_s=5, health=StreamHealth(lag_s=4.0))[-1]
    assert (last.standing.state, last.standing.since_s) == (State.BLIND, 2.0)
    assert last.standing.why.startswith("What is shown is 4 s old: ")
    assert "7 events were lost in the last 10 s" in last.standing.why


def test_a_stream_that_has_ended_is_not_late():
    last = snapshots(TICK, metadata=MACHINE, until_s=5, health=StreamHealth(lag_s=60.0, ended="closed"))[-1]
    assert (last.standing.state, last.ended, last.flow.lag_s) == (State.OK, "closed", None)


@pytest.mark.parametrize("without", ["kswapd_wake", "direct_reclaim_begin", "mark_victim"])
def test_what_was_not_traced_is_not_fine(without: str):
    # GIVEN a quiet recording, and the same without a source for one kind
    kinds = ("kswapd_wake", "direct_reclaim_begin", "mark_victim", "balloon_work_begin", "balloon_run_pages")
    plan = tuple(PlanRow(kind, "tracepoint:x", SourceState.USED) for kind in kinds)
    quiet = records(event(SECOND // 2, "balloon_work_begin"), event(SECOND // 2 + MS, "balloon_work_end"))
    counters = readings(3)
    assert snapshots(quiet, counters, metadata=replace(METADATA, plan=plan))[-1].standing.state is State.OK
    # THEN it is not called fine
    lacking = tuple(row for row in plan if row.what != without)
    last = snapshots(quiet, counters, metadata=replace(METADATA, plan=lacking))[-1]
    assert last.standing.state is State.BLIND
    assert "not traced" in last.standing.why


def test_reclaim_is_global_or_a_cgroups():
    # GIVEN kswapd at 2 s, a cgroup at its limit at 10 s
    kswapd = records(event(2 * SECOND, "kswapd_wake", 30, "kswapd0"), event(2500 * MS, "kswapd_sleep", 30, "kswapd0"))
    limit = [
        reclaim((100 + one) * SECOND // 10, (100 + one) * SECOND // 10 + MS, "memcg_reclaim", cgroup_id=77)
        for one in range(10)
    ]
    metadata = replace(MACHINE, cgroup_hierarchy="unified")
    looks = snapshots(
        records(TICK, kswapd, *limit), metadata=metadata, cgroups={77: "/app.slice/db.service"}, until_s=16
    )
    # THEN each is told with whose memory it is, and both end
    quiet, early, late = ("ok", 1.0), ("reclaiming", 2.0), ("reclaiming", 10.0)
    assert states(looks) == [("blind", 0.25), quiet, early, ("ok", 5.5), late, ("ok", 13.75)]
    assert (at(looks, 2.5).standing.where, at(looks, 2.5).standing.since_s) == ("global", 2.0)
    assert (at(looks, 10.5).standing.where, at(looks, 10.5).standing.since_s) == ("/app.slice/db.service", 10.0)
    assert at(looks, 10.5).waiting_cgroups[0].cgroup == "/app.slice/db.service"
    assert at(looks, 10.5).episode_open
    assert not looks[-1].episode_open


def test_reclaim_in_bursts_is_one_state():
    # GIVEN direct reclaim each second and a half
    starts = [start * SECOND // 2 for start in range(3, 30, 3)]
    stream = records(TICK, *(reclaim(start, start + 10 * MS) for start in starts))
    # THEN the state does not flicker
    assert states(snapshots(stream, metadata=MACHINE, until_s=14)) == [
        ("blind", 0.25),
        ("ok", 1.0),
        ("reclaiming", 1.5),
    ]


def test_proactive_reclaim_is_nobodys_need():
    stream = records(TICK, event(2 * SECOND, "proactive_reclaim_begin"), event(3 * SECOND, "proactive_reclaim_end"))
    assert states(snapshots(stream, metadata=MACHINE, until_s=4)) == [("blind", 0.25), ("ok", 1.0)]


def test_a_wait_of_a_second_stalls():
    # GIVEN a wait of 1.9 s, and one of 0.9 s
    long, short = (
        snapshots(reclaim(0, MS), reclaim(5 * SECOND, end), metadata=MACHINE, until_s=12)
        for end in (6900 * MS, 5900 * MS)
    )
    # THEN the long one is told once it has lasted a second, and for a moment after it
    assert [state for state, _ in states(long)] == ["blind", "reclaiming", "ok", "reclaiming", "stalled", "ok"]
    assert dict(states(long))["stalled"] == 6.0
    stalled = at(long, 6.5).standing
    assert (stalled.since_s, stalled.waited_s) == (5.0, pytest.approx(1.5))
    assert any(finding.id == stalled.finding and finding.open for finding in at(long, 6.5).findings)
    assert "stalled" not in dict(states(short))


def test_a_kill_is_shown_for_ten_seconds():
    # GIVEN an OOM kill at 3 s
    kill = event(3 * SECOND, "mark_victim", 100, pid=200)
    looks = snapshots(records(TICK, kill), metadata=MACHINE, until_s=18, every_s=0.5)
    # THEN it is told at once, and gone when no window of ten seconds has it
    assert [state for state, _ in states(looks)] == ["blind", "ok", "killing", "ok"]
    assert dict(states(looks))["killing"] == 3.0
    assert at(looks, 12).windows["10s"].kills == 1
    assert at(looks, 16).windows["10s"].kills == 0
    assert looks[-1].windows["total"].kills == 1


def test_starved_as_long_as_its_finding_lasts():
    # GIVEN a guest that reads page cache again for 20 s while the balloon holds much, and one whose balloon is empty
    metadata = guest(deflate_on_oom=True)
    looks, other = (
        snapshots(waits(60, 100), readings(60, held, 64, 48, until_s=20), metadata=metadata, every_s=1.0)
        for held in (512, 0)
    )
    # THEN the first is starved, and each look says so of which a finding does
    assert "starved" in dict(states(looks))
    for look in looks:
        lasting = [finding for finding in look.findings if finding.kind == "starved" and finding.open]
        assert bool(lasting) <= (look.standing.state in {State.STARVED, State.BLIND})
    assert "starved" not in dict(states(other))


def test_a_storm_is_shown_within_a_second_of_its_third_cycle():
    # GIVEN three cycles two seconds apart, and two
    three, two = (snapshots(*shrinker_storm(cycles), until_s=20, every_s=0.5) for cycles in (3, 2))
    third_s = min(look.now_s for look in three if look.windows["total"].balloon.cycles == 3)
    shown = next(look for look in three if any(finding.kind == "storm" for finding in look.findings))
    # THEN the state is a fight from the first cycle on, and the storm's with its third
    assert shown.now_s == third_s
    assert shown.standing.state is State.FIGHTING
    storm = next(finding for finding in shown.findings if finding.kind == "storm")
    assert shown.standing.finding == storm.id
    assert shown.standing.since_s <= storm.start_s
    assert shown.standing.moved_bytes == storm.numbers["wasted_pages"] * METADATA.page_size_bytes
    # AND it lasts for as long as another cycle may follow
    for look in three:
        if any(finding.kind == "storm" and finding.open for finding in look.findings):
            assert look.standing.state is State.FIGHTING
    assert three[-1].standing.state is State.OK
    assert not any(finding.kind == "storm" for look in two for finding in look.findings)


def test_a_state_shown_after_a_worse_one_did_not_begin_before_that_was_over():
    # GIVEN reclaim all the time, and a wait of seconds in it
    stream = records(
        *(reclaim(start * SECOND // 2, start * SECOND // 2 + 10 * MS) for start in range(2, 40)),
        reclaim(5 * SECOND, 7 * SECOND, tid=101),
    )
    stream.sort(order="time_ns", kind="stable")
    looks = snapshots(stream, until_s=18)
    # THEN
    assert [state for state, _ in states(looks)] == ["blind", "reclaiming", "stalled", "reclaiming"]
    assert looks[-1].standing.since_s >= 7.0
    # AND began when it was, however seldom somebody looks
    seldom = snapshots(stream, until_s=18, every_s=8.0)
    assert [state for state, _ in states(seldom)] == ["stalled", "reclaiming"]
    assert seldom[-1].standing.since_s == pytest.approx(looks[-1].standing.since_s, abs=LOOK_S)


@pytest.mark.parametrize("every_s", [LOOK_S, 2.0, 12.0])
def test_what_is_seen_after_reclaim_began_when_that_ended_however_seldom_somebody_looks(every_s: float):
    # GIVEN reclaim up to a moment, and quiet after it, where it is known and where it is not what happens then
    stream = records(*(reclaim(start * SECOND // 2, start * SECOND // 2 + 10 * MS) for start in range(2, 26)))
    plan = tuple(PlanRow(kind, "tracepoint:x", SourceState.USED) for kind in ("kswapd_wake", "direct_reclaim_begin"))
    for metadata, state in ((MACHINE, State.OK), (replace(MACHINE, plan=plan), State.BLIND)):
        last = snapshots(stream, metadata=metadata, until_s=24, every_s=every_s)[-1].standing
        assert (last.state, last.since_s) == (state, pytest.approx(13.5, abs=LOOK_S))


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("guest-host-reasserts", ["blind", "ok", "reclaiming", "ok", "reclaiming", "fighting"]),
        ("guest-no-deflate", ["blind", "ok", "reclaiming", "killing"]),
    ],
)
def test_a_recording_of_the_guest_lab_looks_as_it_was(name: str, expected: list[str]):
    looks = list(recorded(Recording.open(DATA / f"{name}.rtrace"), every_s=0.5))
    assert [state for state, _ in states(looks)] == expected
    # AND it agrees with what is found
    for look in looks:
        finding = look.standing.finding
        assert finding is None or finding in {each.id for each in look.findings}


def test_findings_are_those_that_last_then_the_newest_and_no_more_than_fifty():
    # GIVEN 60 waits of a second and more, the last of which lasts
    stream = records(*(reclaim(3 * one * SECOND, (3 * one + 2) * SECOND, tid=100 + one) for one in range(60)))
    last = snapshots(stream, until_s=60 * 3 - 1.5, every_s=30)[-1]
    # THEN
    assert len(last.findings) == 50
    assert last.findings_left_out > 0
    assert last.findings[0].open
    closed = [finding.start_s for finding in last.findings if not finding.open]
    assert closed == sorted(closed, reverse=True)


def test_a_seek_back_begins_anew():
    # GIVEN two observers, one of which has seen more
    from tracer.analyze import Engine, Options
    from tracer.batch import Batch
    from tracer.live.observer import Observer
    from tracer.recording_facts import RecordingFacts

    def engine(seconds: int) -> Engine:
        one = Engine(METADATA, {}, Options())
        stream = records(*(reclaim(each * SECOND, each * SECOND + 100 * MS) for each in range(seconds)))
        one.feed(Batch.from_records(stream))
        return one

    fresh, used = (Observer(RecordingFacts("x", METADATA)) for _ in range(2))
    used.look(engine(20).so_far())
    # THEN at an earlier time both say the same
    assert used.look(engine(5).so_far()) == fresh.look(engine(5).so_far())
