"""SIGKILL from one process to another under memory pressure, and without."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from import_cases import import_text
from streams import METADATA, MS, SECOND, Records, analyse, counters, event, records

from tracer.analyze.contention.user_kills import UserKills, _Signal
from tracer.analyze.model import Analysis, Finding
from tracer.analyze.stream.readings import Readings
from tracer.analyze.terms import Severity
from tracer.batch import Samples
from tracer.metadata import PlanRow, SourceState

KIND = "user_kill"
KILL_NS = 20 * SECOND
GIB = 1 << 30
SI_USER, SI_TKILL = 0, -6
MIB_PAGES = 256


def sigkill(time_ns: int, pid: int = 7, sender: str = "systemd-oomd", tid: int = 812, **more: object) -> Records:
    given = {"sig": 9, "code": SI_USER, "group": 1, "victim_comm": b"java", **more}
    return event(time_ns, "signal_generate", tid, sender, pid=pid, **given)


def waited(begin_ns: int, length_ns: int, tid: int = 100) -> Records:
    return records(event(begin_ns, "direct_reclaim_begin", tid), event(begin_ns + length_ns, "direct_reclaim_end", tid))


def limited(begin_ns: int, length_ns: int, tid: int = 100, cgroup_id: int = 5) -> Records:
    """A wait at a memory cgroup's own limit by a task of that cgroup."""
    begin, end = event(begin_ns, "memcg_reclaim_begin", tid), event(begin_ns + length_ns, "memcg_reclaim_end", tid)
    stream = records(begin, end)
    stream["cgroup_id"] = cgroup_id
    return stream


def ordered(*parts: Records) -> Records:
    stream = records(*parts)
    stream.sort(order="time_ns", kind="stable")
    return stream


def told(analysis: Analysis) -> list[Finding]:
    return [finding for finding in analysis.findings if finding.kind == KIND]


def sampled(some_us: tuple[int, int] = (0, 0), available: int = 8 * GIB, swap_free: int = GIB) -> Samples:
    """Readings at the start, ten seconds before the kill, and at it."""
    names = ("psi.memory.some_total_us", "meminfo.MemAvailable_bytes", "meminfo.MemTotal_bytes")
    names += ("meminfo.SwapFree_bytes", "meminfo.SwapTotal_bytes")
    rows = [(0, 8 * GIB, GIB), (some_us[0], 8 * GIB, GIB), (some_us[1], available, swap_free)]
    values = [[some, free, 16 * GIB, swap, 2 * GIB] for some, free, swap in rows]
    return Samples(np.asarray([0, KILL_NS - 10 * SECOND, KILL_NS]), names, np.asarray(values, np.int64))


@pytest.mark.parametrize(
    ("length_ms", "begin_s", "sender", "found"),
    [
        (500, 15, "kill", True),
        (499, 15, "kill", False),
        (5000, 4, "kill", False),
        (1, 15, "systemd-oomd", True),
        (1, 15, "earlyoom", True),
        (1000, 8, "systemd-oomd", False),
        (0, 15, "systemd-oomd", False),
    ],
    ids=["waits", "just too few", "long before", "oomd", "earlyoom", "oomd, long before", "oomd without pressure"],
)
def test_a_sigkill_counts_where_tasks_waited_in_the_ten_seconds_before(length_ms, begin_s, sender, found):
    waits = [waited(begin_s * SECOND, length_ms * MS)] if length_ms else []
    assert bool(told(analyse(ordered(*waits, sigkill(KILL_NS, sender=sender))))) is found


def test_where_waits_were_not_traced_nobody_is_said_to_have_waited_0_s():
    traced = replace(METADATA, plan=(PlanRow("signal_generate", "tracepoint", SourceState.USED),))
    (kill,) = told(analyse(sampled(available=GIB), sigkill(KILL_NS), metadata=traced))
    assert "stall_s" not in kill.numbers


def test_a_wait_that_is_still_open_counts_up_to_the_kill():
    # GIVEN a wait from two seconds before the kill to ten after it, told before or after the signal came
    stream = ordered(waited(KILL_NS - 2 * SECOND, 12 * SECOND), sigkill(KILL_NS, sender="kill"))
    (one,) = told(analyse(stream))
    assert one.numbers["stall_s"] == pytest.approx(2.0)
    # AND the same where the stream comes record by record
    (again,) = told(analyse(*(stream[at : at + 1] for at in range(len(stream)))))
    assert again == one


@pytest.mark.parametrize(
    ("samples", "sender", "found"),
    [
        (sampled(some_us=(1000, 501_000)), "kill", True),
        (sampled(some_us=(1000, 500_000)), "kill", False),
        (sampled(some_us=(1000, 2000)), "systemd-oomd", True),
        (sampled(available=16 * GIB // 10), "kill", True),
        (sampled(available=16 * GIB // 10 + 2), "kill", False),
        (sampled(swap_free=GIB // 10), "systemd-oomd", True),
        (sampled(swap_free=GIB // 10), "kill", False),
        (sampled(), "systemd-oomd", False),
    ],
    ids=["PSI", "less PSI", "PSI, oomd", "low", "not so low", "swap, oomd", "swap", "at ease"],
)
def test_pressure_stalls_and_low_memory_count_too(samples, sender, found):
    assert bool(told(analyse(samples, sigkill(KILL_NS, sender=sender), end_ns=KILL_NS + SECOND))) is found


def read_before(age_ns: int) -> Samples:
    """Readings at ease, the last one so long before the kill, and one after it."""
    names = ("meminfo.MemAvailable_bytes", "meminfo.MemTotal_bytes")
    times = np.asarray([0, KILL_NS - age_ns, KILL_NS + SECOND // 2])
    return Samples(times, names, np.asarray([[8 * GIB, 16 * GIB]] * 3, np.int64))


@pytest.mark.parametrize(
    ("age_ms", "sender", "found"),
    [(1800, "earlyoom", True), (501, "earlyoom", True), (500, "earlyoom", False), (1800, "kill", False)],
    ids=["long ago", "just stale", "just fresh", "no memory killer"],
)
def test_a_memory_killers_kill_is_told_where_memory_was_not_read_just_before(age_ms, sender, found):
    kills = told(analyse(read_before(age_ms * MS), sigkill(KILL_NS, sender=sender), end_ns=KILL_NS + SECOND))
    assert bool(kills) is found
    for kill in kills:
        assert kill.severity is Severity.INFO
        assert "under memory pressure" not in kill.text
        assert f"not known: it was read {age_ms / 1000:.1f} s before" in kill.text


def test_it_says_who_killed_whom_under_what_and_what_the_balloon_held():
    held = 512 * MIB_PAGES
    analysis = analyse(
        counters([(0, held, 0), (30 * SECOND, held, 0)]),
        ordered(waited(15 * SECOND, 4 * SECOND), sigkill(KILL_NS, 4711)),
    )
    (one,) = told(analysis)
    assert one.severity is Severity.CRITICAL
    assert one.text.startswith("systemd-oomd (pid 812) killed java (pid 4711) with SIGKILL under memory pressure: ")
    assert "tasks waited 4.0 s in direct reclaim" in one.text
    assert "The balloon held 512.0 MiB." in one.text
    assert (one.numbers["sender_pid"], one.numbers["pid"], one.numbers["balloon_pages"]) == (812, 4711, held)
    assert "available_bytes" not in one.numbers


@pytest.mark.parametrize(
    ("sender", "group", "available", "severity"),
    [
        ("earlyoom", 1, 8 * GIB, Severity.CRITICAL),
        ("containerd-shim", 1, GIB, Severity.WARNING),
        ("sh", 0, GIB, Severity.WARNING),
        ("containerd-shim", 1, 8 * GIB, Severity.INFO),
        ("sh", 1, GIB, Severity.INFO),
    ],
    ids=["a memory killer", "an eviction", "cgroup.kill", "a container's stop", "anybody"],
)
def test_how_bad_it_is_depends_on_who_kills(sender, group, available, severity):
    stream = ordered(waited(15 * SECOND, SECOND), sigkill(KILL_NS, sender=sender, group=group))
    (one,) = told(analyse(sampled(available=available), stream, end_ns=KILL_NS + SECOND))
    assert one.severity is severity


def test_the_processes_of_a_cgroup_are_one_kill():
    # GIVEN twelve processes that one task kills within a second by cgroup.kill, and another one later
    kills = [sigkill(KILL_NS + at * 50 * MS, 100 + at, group=0) for at in range(12)]
    stream = ordered(waited(15 * SECOND, 4 * SECOND), *kills, sigkill(KILL_NS + 3 * SECOND, 999))
    both = sorted(told(analyse(stream)), key=lambda finding: finding.start_s)
    assert [finding.numbers["processes"] for finding in both] == [12, 1]
    assert [finding.numbers["by_cgroup"] for finding in both] == [1, 0]
    assert "12 processes" in both[0].text
    assert "9 more" in both[0].text
    assert "through cgroup.kill" in both[0].text


def test_tgkill_is_no_cgroup_kill():
    (one,) = told(analyse(ordered(waited(15 * SECOND, SECOND), sigkill(KILL_NS, code=SI_TKILL, group=0))))
    assert one.numbers["by_cgroup"] == 0


def test_what_the_recorder_kills_does_not_count():
    stream = ordered(waited(15 * SECOND, SECOND), sigkill(KILL_NS, tid=55))
    assert told(analyse(stream))
    assert not told(analyse(stream, metadata=replace(METADATA, recorder_pid=55)))


IN_CGROUPS = replace(METADATA, cgroup_hierarchy="unified")
PATHS = {5: "/system.slice/mine.service", 6: "/system.slice/other.service"}


def test_waits_at_another_cgroups_limit_are_no_pressure():
    # GIVEN a cgroup at its limit for ten seconds, PSI that says the same, and a process outside that is killed
    stream = ordered(*(limited((10 + at) * SECOND, 900 * MS) for at in range(10)), sigkill(KILL_NS, 7))
    samples = sampled(some_us=(0, 9_000_000))
    assert not told(analyse(samples, stream, metadata=IN_CGROUPS, cgroups=PATHS, end_ns=KILL_NS + SECOND))
    # THEN PSI beyond that is the machine's
    beyond = sampled(some_us=(0, 9_600_000))
    (one,) = told(analyse(beyond, stream, metadata=IN_CGROUPS, cgroups=PATHS, end_ns=KILL_NS + SECOND))
    assert one.cgroup is None


@pytest.mark.parametrize(
    ("length_ms", "sender", "found"), [(500, "kill", True), (499, "kill", False), (1, "systemd-oomd", True)]
)
def test_a_kill_in_a_cgroup_at_its_limit_is_that_cgroups(length_ms, sender, found):
    # GIVEN a task of the victim's cgroup that waited at its limit, and the victim's own short wait there
    waits = (limited(15 * SECOND, length_ms * MS - 1, 100), limited(16 * SECOND, 1, 4711))
    stream = ordered(*waits, limited(15 * SECOND, 4 * SECOND, 200, 6), sigkill(KILL_NS, 4711, sender))
    analysis = analyse(counters([(0, 512, 0), (30 * SECOND, 512, 0)]), stream, metadata=IN_CGROUPS, cgroups=PATHS)
    assert bool(told(analysis)) is found
    for one in told(analysis):
        assert one.cgroup == PATHS[5]
        assert f"under memory pressure in memory cgroup {PATHS[5]} (the machine was not short of memory): " in one.text
        assert one.numbers["cgroup_stall_s"] == pytest.approx(length_ms / 1000)
        assert one.numbers["stall_s"] == 0
        assert "balloon" not in one.text


def test_the_victims_that_came_before_it_was_known_whose_cgroup_it_is_are_part_of_the_kill():
    # GIVEN three processes of a cgroup, of which only the last was seen to wait
    kills = [sigkill(KILL_NS + at * MS, 4710 + at) for at in range(3)]
    stream = ordered(limited(15 * SECOND, SECOND, 4712), *kills)
    (one,) = told(analyse(stream, metadata=IN_CGROUPS, cgroups=PATHS))
    assert (one.numbers["processes"], one.numbers["pid"]) == (3, 4710)
    (again,) = told(analyse(*(stream[at : at + 1] for at in range(len(stream))), metadata=IN_CGROUPS, cgroups=PATHS))
    assert again == one


TEXT = "signal_generate: sig={sig} errno=0 code={code} comm={comm} pid={pid} grp=1 res={res}"


def text_of(sig=9, code=0, comm="java", pid=4711, res=0, task="systemd-oomd-812") -> str:
    return f"{task:>20} [001] ..... 12.500000: {TEXT.format(sig=sig, code=code, comm=comm, pid=pid, res=res)}\n"


def test_ftraces_text_gives_the_sender_and_the_victim(tmp_path):
    [found] = import_text(text_of(), tmp_path).events
    assert (found.kind, found.comm, found.tid) == ("signal_generate", "systemd-oomd", 812)
    assert found.args == {"sig": 9, "code": 0, "pid": 4711, "group": 1, "result": 0, "victim_comm": "java"}


def test_a_victims_name_can_not_forge_its_process_id(tmp_path):
    [found] = import_text(text_of(comm="a pid=1 grp=1"), tmp_path).events
    assert (found.args["pid"], found.args["victim_comm"]) == (4711, "a pid=1 grp=1")


@pytest.mark.parametrize(
    "other",
    [{"sig": 15}, {"sig": 19}, {"code": 128}, {"res": 1}, {"res": 2}, {"pid": 812}],
    ids=["SIGTERM", "SIGSTOP", "the kernel's", "ignored", "pending", "oneself"],
)
def test_all_other_signals_are_left_out(tmp_path, other):
    imported = import_text(text_of(**other) + text_of(pid=5), tmp_path)
    assert [found.args["pid"] for found in imported.events] == [5]
    assert imported.result.unreadable == 0


def test_what_is_kept_does_not_grow_with_kills_without_pressure():
    kills = UserKills(Readings(), None)
    for at in range(1, 100):
        kills._signals.append(_Signal(at * SECOND, 812, "kill", at, "java", by_cgroup=False))
        kills.settle(at * SECOND + MS)
    assert not kills.found
    assert not kills._open
    assert len(kills._undecided) == 1
    assert len(kills._undecided[812]) <= 2


def test_a_window_that_began_before_the_meter_forgot_is_whole():
    # GIVEN a thread that waits for 4 ms of every 5, in more spans than are kept, and a kill after half a minute
    spans = [waited(at * 5 * MS, 4 * MS) for at in range(6000)]
    stream = ordered(*spans, sigkill(30 * SECOND - MS))
    (whole,) = told(analyse(stream))
    (cut,) = told(analyse(*np.array_split(stream, 60)))
    # THEN its window, from a whole second ten before, has its wait, however the stream came
    assert whole.numbers["stall_s"] == cut.numbers["stall_s"] == pytest.approx(11 * 0.8, abs=0.01)
