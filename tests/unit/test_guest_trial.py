"""What the guest lab tries again (a machine that failed, never what was found on one), and what it asks of a result."""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest
from guest.found import Found, Truth
from guest.guest import _KERNEL_DIED, GuestError, MachineError
from guest.reclaim_truth import Reading, ReclaimTruth
from guest.scenario import Scenario
from guest.trial import Bench, Trial, hold
from guest.ways import PROGRAMS, WAYS, carried, options_of


class Trials:
    """Stands for a scenario, and for what driving it gives: an exception each time until there is none left."""

    def __init__(self, *errors: Exception, judged: Exception | None = None) -> None:
        self.errors, self.driven, self._judged = list(errors), 0, judged
        self.module = SimpleNamespace(judge=self.judge)
        self.require_nothing_lost = self.require_true_kills = self.require_true_pages = lambda: None
        self.require_true_reclaim = self.require_true_hopelessness = lambda: None
        self.require_true_user_kills = lambda _: None
        self.is_measured, self.recorder, self.beside = True, "", {}
        self.user_kills = 0
        self.counted_by, self.transport = "fentry:f", "ring"

    def drive(self, *_: object) -> Trials:
        self.driven += 1
        if self.errors:
            raise self.errors.pop(0)
        return self

    def judge(self, found: Trials) -> None:
        assert found is self
        if self._judged:
            raise self._judged


def run(trials: Trials, monkeypatch: pytest.MonkeyPatch) -> Trials:
    bench = Bench(Path())
    monkeypatch.setattr(bench, "_drive", trials.drive)
    return bench.run(Trial("6.12", trials))


def test_a_machine_that_failed_is_replaced_once_and_that_is_said(monkeypatch) -> None:
    monkeypatch.setattr("guest.guest.machines_replaced", said := [])
    trials = Trials(MachineError("QEMU has ended"))
    assert run(trials, monkeypatch) is trials
    assert trials.driven == 2
    assert said == ["QEMU has ended"]


def test_two_machines_that_failed_are_a_failure(monkeypatch) -> None:
    monkeypatch.setattr("guest.guest.machines_replaced", [])
    with pytest.raises(MachineError, match="second"):
        run(Trials(MachineError("first"), MachineError("second")), monkeypatch)


@pytest.mark.parametrize("is_hopeless", [True, False])
def test_a_machine_whose_kswapd_gave_up_is_not_used_again(monkeypatch, is_hopeless) -> None:
    ended: list[bool] = []
    lab = SimpleNamespace(
        tracing=lambda *_: nullcontext(), found=lambda *_: "found", reset=lambda: None, is_hopeless=lambda: is_hopeless
    )
    lab.guest = SimpleNamespace(close=lambda: ended.append(True))
    bench = Bench(Path())
    bench._lab, bench.machine = lab, "its machine"
    monkeypatch.setattr(bench, "_made", lambda _: lab)
    trial = Trial("6.12", Scenario("plain", SimpleNamespace(drive=lambda _: None)))
    assert bench.drive(trial) == "found"
    assert (bool(ended), bench.machine is None) == (is_hopeless, is_hopeless)


@pytest.mark.parametrize("error", [GuestError("waited 300 s for the tracer to attach"), AssertionError("lost")])
def test_what_goes_wrong_on_a_machine_that_runs_is_never_tried_again(monkeypatch, error) -> None:
    trials = Trials(error)
    with pytest.raises(type(error)):
        run(trials, monkeypatch)
    assert trials.driven == 1
    judged = Trials(judged=error)
    with pytest.raises(type(error)):
        run(judged, monkeypatch)
    assert judged.driven == 1


BY_PAGE = "raw_tracepoint:kmem:mm_page_alloc"
BY_SAMPLE = "samples:/proc/vmstat"


def seen(recorder: str, *, counted_by: str, quality: str, missed: int = 0, ends: str | None = "fexit:f") -> Found:
    """A result that is `missed` pages short of 100 inflated, and what it was recorded by."""
    balloon = {
        "quality": quality,
        "missed_pages": missed,
        "extra_pages": 0,
        "inflated_pages": 100 - missed,
        "net_pages": 100 - missed,
    }
    leaked = {"host": 0, "shrinker": 0, "oom_notifier": 0}
    plan = {"balloon_run_pages": counted_by, "oom_notify_end": ends}
    recording = {"lost": 0, "bad_blocks": 0, "cut_bytes": 0, "lost_by_kind": {}, "plan": plan}
    reclaim = ReclaimTruth(beginning=[Reading(0, 0, {})])
    truth = Truth({"balloon_inflate": 100, "balloon_deflate": 0, "oom_kill": 0}, reclaim, host_pages=100)
    transport = "perf" if recorder == "perf" else "ring"
    summary = {"balloon": balloon | {"leaked_pages": leaked}, "recording": recording, "tiers": [], "findings": []}
    return Found(summary, truth, 0, "6.12", transport, recorder)


def judged_by(found: Found) -> bool:
    """Whether it holds, and whether its scenario was asked. Raises AssertionError where it doesn't hold."""
    asked: list[Found] = []
    hold(found, Scenario("plain", SimpleNamespace(judge=asked.append)))
    return bool(asked)


def test_a_way_that_measures_is_held_against_the_truth_and_the_scenario():
    assert judged_by(seen("kprobe", counted_by="kprobe:f", quality="measured"))
    with pytest.raises(AssertionError, match="inflated, leaked, net"):
        judged_by(seen("kprobe", counted_by="kprobe:f", quality="measured", missed=1))


@pytest.mark.parametrize(
    ("recorder", "counted_by", "ends"),
    [
        ("", "fentry:f", "fexit:f"),
        ("", BY_PAGE, None),
        ("kprobe", "kprobe:f", None),
        ("pages", BY_PAGE, None),
        ("tracepoints", BY_PAGE, "raw_tracepoint:f"),
        ("perf", "fentry:f", "fexit:f"),
    ],
)
def test_a_way_that_should_measure_must(recorder, counted_by, ends):
    with pytest.raises(AssertionError, match="has inferred"):
        judged_by(seen(recorder, counted_by=counted_by, quality="inferred", ends=ends))


@pytest.mark.parametrize(("way", "by"), [(PROGRAMS, "fentry:f"), (carried("kprobe"), "kprobe:f")])
def test_carried_programs_must_have_come_from_the_file(way, by):
    found = seen(way, counted_by=by, quality="measured")
    assert judged_by(replace(found, programs="file"))
    for otherwise in ("compiled", "cache", ""):
        with pytest.raises(AssertionError, match=f"{way} was asked for"):
            judged_by(replace(found, programs=otherwise))


def test_carried_programs_are_recorded_by_on_a_machine_without_a_compiler():
    scenario = Scenario("plain", SimpleNamespace(drive=lambda _: None))
    ways = (PROGRAMS, carried("perf"), "", "perf")
    assert [Trial("6.12", scenario, way).machine[-1].compiler for way in ways] == [False, False, True, True]


def test_a_way_by_carried_programs_is_that_way_besides():
    assert carried("") == PROGRAMS
    assert options_of(carried("kprobe")) == (*WAYS["kprobe"], *WAYS[PROGRAMS])
    assert options_of(PROGRAMS) == WAYS[PROGRAMS]
    assert options_of("") == ()
    with pytest.raises(AssertionError, match="was asked for"):
        judged_by(replace(seen(carried("kprobe"), counted_by="fentry:f", quality="measured"), programs="file"))
    with pytest.raises(AssertionError, match="through ring"):
        judged_by(replace(seen(carried("perf"), counted_by="fentry:f", quality="measured"), programs="file"))
    inferred = replace(seen(carried("samples"), counted_by=BY_SAMPLE, quality="inferred"), programs="file")
    inferred.balloon["missed_pages"] = inferred.balloon["extra_pages"] = None
    assert not judged_by(inferred), "as samples, which measure nothing"


@pytest.mark.parametrize(("recorder", "ends"), [("tracepoints", None), ("pages", "fexit:f")])
def test_a_way_that_may_infer_says_how_far_off_it_is(recorder, ends):
    assert not judged_by(seen(recorder, counted_by=BY_PAGE, quality="inferred", missed=3, ends=ends))
    wrong = seen(recorder, counted_by=BY_PAGE, quality="inferred", missed=3, ends=ends)
    wrong.balloon["missed_pages"] = 2
    with pytest.raises(AssertionError, match="said missed"):
        judged_by(wrong)


def test_the_counters_own_pages_are_right_and_said_to_be_held_against_nothing():
    found = seen("samples", counted_by=BY_SAMPLE, quality="inferred")
    with pytest.raises(AssertionError, match="nothing else counted pages"):
        judged_by(found)
    found.balloon["missed_pages"] = found.balloon["extra_pages"] = None
    assert not judged_by(found)
    found.balloon["inflated_pages"] = 97
    with pytest.raises(AssertionError, match="inflated, leaked, net"):
        judged_by(found)


@pytest.mark.parametrize(("told", "kills", "killed"), [(True, 1, 0), (True, 0, 0), (True, 0, 1), (False, 0, 1)])
def test_a_kill_is_told_where_there_was_one_and_nowhere_else(told, kills, killed):
    found = seen("kprobe", counted_by="kprobe:f", quality="measured")
    found.truth.vmstat["oom_kill"] = killed
    found.summary["tiers"] += [{"tier": "oom_kill", "sources": {"process": {"kills": kills}}}] * told
    with pytest.raises(AssertionError, match="tier told"):
        judged_by(found)
    found.truth.vmstat["oom_kill"], found.summary["tiers"][:] = 0, []
    assert judged_by(found)


@pytest.mark.parametrize(("told", "processes", "holds"), [(0, 0, True), (1, 1, True), (1, 0, False), (0, 1, False)])
def test_who_was_killed_from_user_space_is_told_and_nobody_else(told, processes, holds):
    found = seen("kprobe", counted_by="kprobe:f", quality="measured")
    found.summary["findings"] += [{"kind": "user_kill", "numbers": {"processes": 1.0}}] * told
    scenario = Scenario("plain", SimpleNamespace(judge=lambda _: None, USER_KILLS=processes))
    if holds:
        hold(found, scenario)
    else:
        with pytest.raises(AssertionError, match="killed from user space"):
            hold(found, scenario)


OPEN = {"kind": "kswapd_gave_up", "numbers": {"nid": 0, "failures": 16}}
ENDED = {"kind": "kswapd_gave_up", "numbers": {"nid": 0, "failures": 16, "reason": 2}}


@pytest.mark.parametrize(
    ("findings", "hopeless", "holds"),
    [
        ([], (False, False), True),
        ([OPEN], (False, True), True),
        ([ENDED], (False, False), True),
        ([], (True, True), True),
        ([ENDED, OPEN], (True, True), True),
        ([OPEN], (False, False), False),
        ([], (False, True), False),
        ([ENDED], (False, True), False),
    ],
)
def test_kswapd_has_given_up_where_zoneinfo_says_so(findings, hopeless, holds):
    found = seen("kprobe", counted_by="kprobe:f", quality="measured")
    found.summary["findings"] += findings
    found.truth.hopeless = hopeless
    assert judged_by(found)  # this kernel has no events for it
    found.summary["recording"]["plan"]["kswapd_reclaim_fail"] = "tracepoint"
    if holds:
        assert judged_by(found)
    else:
        with pytest.raises(AssertionError, match="by /proc/zoneinfo"):
            judged_by(found)


@pytest.mark.parametrize(("recorder", "counted_by"), [("fentry", "kprobe:f"), ("kprobe", BY_SAMPLE), ("counters", "")])
def test_another_way_than_the_one_asked_for_is_a_failure(recorder, counted_by):
    with pytest.raises(AssertionError, match="was asked for"):
        judged_by(seen(recorder, counted_by=counted_by, quality="measured"))


def test_perf_buffers_asked_for_are_perf_buffers_used():
    with pytest.raises(AssertionError, match="through ring"):
        judged_by(replace(seen("perf", counted_by="fentry:f", quality="measured"), transport="ring"))


def test_what_a_kernel_has_not_is_not_begun(monkeypatch):
    bench = Bench(Path())
    monkeypatch.setattr(bench, "_drive", lambda *_: pytest.fail("it was"))
    without = Scenario("plain", SimpleNamespace(WITHOUT={"6.12": "it lacks that"}))
    outcome = bench.attempt(Trial("6.12", without))
    assert (outcome.state, outcome.reason) == ("skipped", "it lacks that")


def test_a_deadlock_on_memory_is_the_emulated_machines_and_any_other_panic_the_guests():
    panic = "[   37.4] Kernel panic - not syncing: "
    assert not _KERNEL_DIED.search(f"{panic}System is deadlocked on memory")
    assert _KERNEL_DIED.search(f"{panic}Fatal exception")
    assert _KERNEL_DIED.search(f"{panic}System is deadlocked on memory\n[   37.5] BUG: unable to handle page fault")
