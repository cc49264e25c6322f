"""What is said not to be seen: not what another kind shows."""

from __future__ import annotations

from streams import event, records

from tracer.metadata import PlanRow, SourceState
from tracer.recorder.module_changes import module_changes
from tracer.wording.unseen import taken_for, unseen


def plan(**states: str) -> list[PlanRow]:
    return [PlanRow(what, "source", SourceState(state)) for what, state in states.items()]


def test_a_kind_is_unseen_only_if_nothing_else_shows_it() -> None:
    rows = plan(
        balloon_work_begin="used", update_balloon_size_begin="refused", oom_notify_begin="absent", throttled="absent"
    )
    assert unseen(rows) == ["oom_notify_begin", "throttled"]
    assert unseen([*rows, *plan(oom_notifier_run="used")]) == ["throttled"]


def test_a_kind_with_several_sources_is_seen_through_any() -> None:
    assert unseen([*plan(throttled="refused"), *plan(throttled="used")]) == []


def proactive(state: str, reason: str) -> PlanRow:
    return PlanRow("proactive_reclaim_begin", "source", SourceState(state), reason)


def test_reclaim_that_somebody_asked_for_is_said_to_count_as_direct_where_it_cannot_be_told_apart() -> None:
    refused = proactive("refused", "this kernel refuses fentry")
    absent = proactive("absent", "this kernel has no function memory_reclaim (inlined, or its driver is not loaded)")
    (said,) = taken_for([refused, absent])
    assert "memory.reclaim" in said
    assert "counts as direct" in said
    assert list(taken_for([refused, proactive("used", "")])) == []
    assert list(taken_for([absent])) == [], "the kernel has no memory.reclaim"
    assert list(taken_for([])) == []


def test_balloon_modules_that_come_and_go_are_said_and_others_are_not() -> None:
    stream = records(
        event(1, "module_load", module_name=b"nf_tables"),
        event(2, "module_load", module_name=b"virtio_balloon"),
        event(3, "module_free", module_name=b"hv_balloon"),
        event(4, "kswapd_wake"),
    )
    said = list(module_changes(stream, set(stream["kind"].tolist())))
    assert said == [
        "module virtio_balloon was loaded: not traced until the next start",
        "module hv_balloon was unloaded: no longer traced",
    ]
    assert list(module_changes({1: "name"}, set())) == []
