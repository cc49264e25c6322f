"""What the guest lab tries again (a machine that failed, never what was found on one), and what it asks of a result."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest
from guest.found import Found, Truth
from guest.guest import GuestError, MachineError
from guest.reclaim_truth import Reading, ReclaimTruth
from guest.scenario import Scenario
from guest.trial import Bench, Trial, hold


class Trials:
    """Stands for a scenario, and for what driving it gives: an exception each time until there is none left."""

    def __init__(self, *errors: Exception, judged: Exception | None = None) -> None:
        self.errors, self.driven, self._judged = list(errors), 0, judged
        self.module = SimpleNamespace(judge=self.judge)
        self.require_nothing_lost = self.require_true_kills = self.require_true_pages = lambda: None
        self.require_true_reclaim = lambda: None
        self.is_measured, self.recorder, self.beside = True, "", {}
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
    summary = {"balloon": balloon | {"leaked_pages": leaked}, "recording": recording, "tiers": []}
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


@pytest.mark.parametrize(
    ("recorder", "counted_by", "ends"),
    [("samples", BY_SAMPLE, "fexit:f"), ("tracepoints", BY_PAGE, None), ("pages", BY_PAGE, "fexit:f")],
)
def test_a_way_that_may_infer_says_how_far_off_it_is(recorder, counted_by, ends):
    assert not judged_by(seen(recorder, counted_by=counted_by, quality="inferred", missed=3, ends=ends))
    wrong = seen(recorder, counted_by=counted_by, quality="inferred", missed=3, ends=ends)
    wrong.balloon["missed_pages"] = 2
    with pytest.raises(AssertionError, match="said missed"):
        judged_by(wrong)


@pytest.mark.parametrize(("told", "kills", "killed"), [(True, 1, 0), (True, 0, 0), (True, 0, 1), (False, 0, 1)])
def test_a_kill_is_told_where_there_was_one_and_nowhere_else(told, kills, killed):
    found = seen("kprobe", counted_by="kprobe:f", quality="measured")
    found.truth.vmstat["oom_kill"] = killed
    found.summary["tiers"] += [{"tier": "oom_kill", "sources": {"process": {"kills": kills}}}] * told
    with pytest.raises(AssertionError, match="tier told"):
        judged_by(found)
    found.truth.vmstat["oom_kill"], found.summary["tiers"][:] = 0, []
    assert judged_by(found)


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
    outcomes = [bench.attempt(trial) for trial in (Trial("6.12", without), Trial("5.10", without, "fentry"))]
    assert [(outcome.state, bool(outcome.reason)) for outcome in outcomes] == [("skipped", True)] * 2
