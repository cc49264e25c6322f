"""Pairing of begins and ends against a plain implementation of the same rules."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from streams import MS, SECOND, event, records

from tracer.analyze.stream.lane import SPAN_KINDS
from tracer.analyze.stream.pairing import NOTIFIER_BOUND_NS, Paired, pair
from tracer.batch import Batch
from tracer.schema import KIND_BY_NAME, Role, SpanKind

PAIRS = [
    ("shrink_slab_start", "shrink_slab_end"),
    ("direct_reclaim_begin", "direct_reclaim_end"),
    ("memcg_reclaim_begin", "memcg_reclaim_end"),
    ("balloon_work_begin", "balloon_work_end"),
]
NAMES = [name for names in PAIRS for name in names] + ["lru_shrink_inactive", "wakeup_kswapd"]


@dataclass
class PlainSpan:
    kind: SpanKind
    begin_ns: int
    parent: int | None
    end_ns: int | None = None


def plain_pairing(stream: list[tuple[int, str]]) -> tuple[list[PlainSpan], int]:
    """Stacks, one event after the other; (tid, kind) at times 1, 2, 3... Returns the spans and ends without a begin."""
    spans: list[PlainSpan] = []
    stacks: dict[int, list[int]] = {}
    orphans = 0
    for time_ns, (tid, name) in enumerate(stream, 1):
        kind, stack = KIND_BY_NAME[name], stacks.setdefault(tid, [])
        open_kinds = [spans[at].kind for at in stack]
        again = kind.role is Role.BEGIN and kind.span is not SpanKind.SHRINK_SLAB and kind.span in open_kinds
        if kind.role is Role.END and kind.span not in open_kinds:
            orphans += 1
        elif kind.role is Role.END or again:
            while spans[stack[-1]].kind is not kind.span:
                spans[stack.pop()].end_ns = time_ns
            spans[stack.pop()].end_ns = time_ns
        if kind.role is Role.BEGIN:
            assert kind.span is not None
            spans.append(PlainSpan(kind.span, time_ns, spans[stack[-1]].begin_ns if stack else None))
            stack.append(len(spans) - 1)
    return spans, orphans


def paired(stream: list[tuple[int, str]]) -> Paired:
    batch = Batch.from_records(records(*(event(at, name, tid) for at, (tid, name) in enumerate(stream, 1))))
    return pair(batch, watermark_ns=len(stream))


def as_plain(result: Paired) -> list[PlainSpan]:
    return [
        PlainSpan(
            SPAN_KINDS[result.code[row]],
            int(result.begin_ns[row]),
            int(result.begin_ns[result.parent[row]]) if result.parent[row] >= 0 else None,
            int(result.end_ns[row]) if result.closed[row] else None,
        )
        for row in range(len(result.begin))
    ]


@st.composite
def nested_streams(draw: st.DrawFn) -> list[tuple[int, str]]:
    """Streams in which every end closes the innermost span of its thread."""
    stream: list[tuple[int, str]] = []
    stacks: dict[int, list[str]] = {}
    for tid in draw(st.lists(st.integers(1, 4), max_size=60)):
        stack = stacks.setdefault(tid, [])
        if stack and draw(st.booleans()):
            stream.append((tid, stack.pop()))
            continue
        begin, end = draw(st.sampled_from([pair for pair in PAIRS if pair[0] == PAIRS[0][0] or pair[1] not in stack]))
        stream.append((tid, begin))
        stack.append(end)
    return stream


@given(nested_streams())
def test_nested_streams_pair_as_stacks_do(stream: list[tuple[int, str]]) -> None:
    result, (spans, _) = paired(stream), plain_pairing(stream)
    assert as_plain(result) == spans
    assert not len(result.orphans)


@given(st.lists(st.tuples(st.integers(1, 3), st.sampled_from(NAMES)), max_size=60))
def test_any_stream_pairs_as_stacks_do(stream: list[tuple[int, str]]) -> None:
    result, (spans, orphans) = paired(stream), plain_pairing(stream)
    assert as_plain(result) == spans
    assert len(result.orphans) == orphans


@given(st.lists(st.tuples(st.integers(1, 3), st.sampled_from(NAMES)), max_size=60))
def test_every_event_lies_in_the_innermost_open_span_of_its_thread(stream: list[tuple[int, str]]) -> None:
    result = paired(stream)
    for position, (tid, name) in enumerate(stream):
        if KIND_BY_NAME[name].role is not Role.POINT:
            continue
        time_ns = position + 1
        around = [
            row
            for row in range(len(result.begin))
            if stream[result.begin[row]][0] == tid
            and result.begin_ns[row] < time_ns
            and (not result.closed[row] or time_ns < result.end_ns[row])
        ]
        assert result.enclosing[position] == (around[-1] if around else -1)


def test_idle_tasks_of_two_cpus_are_two_threads() -> None:
    # GIVEN two reclaim spans of tid 0 that overlap on different CPUs
    stream = records(
        event(1, "direct_reclaim_begin", tid=0, cpu=0),
        event(2, "direct_reclaim_begin", tid=0, cpu=1),
        event(3, "direct_reclaim_end", tid=0, cpu=0),
        event(4, "direct_reclaim_end", tid=0, cpu=1),
    )
    result = pair(Batch.from_records(stream), watermark_ns=4)
    # THEN each has its own end
    assert result.end_ns.tolist() == [3, 4]
    assert not result.broken.any()


def test_the_next_event_of_the_thread_ends_a_notifier_run() -> None:
    stream = records(
        event(10, "oom_notifier_run", tid=7), event(20, "wakeup_kswapd", tid=8), event(30, "wakeup_kswapd", 7)
    )
    result = pair(Batch.from_records(stream), watermark_ns=30)
    assert result.end_ns.tolist() == [30]
    assert not result.broken.any()


def test_a_notifier_run_never_followed_ends_at_its_bound() -> None:
    stream = records(event(10, "oom_notifier_run", tid=7))
    assert not pair(Batch.from_records(stream), watermark_ns=NOTIFIER_BOUND_NS).closed.any()
    late = pair(Batch.from_records(stream), watermark_ns=10 + NOTIFIER_BOUND_NS)
    assert late.end_ns.tolist() == [10 + NOTIFIER_BOUND_NS]


def test_kswapd_waking_again_ends_its_run() -> None:
    names = ["kswapd_wake", "kswapd_wake", "kswapd_sleep"]
    result = paired([(5, name) for name in names])
    assert result.end_ns.tolist() == [2, 3]
    assert not result.broken.any()


def test_threads_with_large_ids_pair_too() -> None:
    tids = np.asarray([1, 4_194_304])
    stream = records(
        *(event(at, "direct_reclaim_begin", int(tid)) for at, tid in enumerate(tids, 1)),
        *(event(at + SECOND, "direct_reclaim_end", int(tid)) for at, tid in enumerate(tids, 1)),
    )
    result = pair(Batch.from_records(stream), watermark_ns=SECOND + MS)
    assert (result.end_ns - result.begin_ns).tolist() == [SECOND, SECOND]
