"""Reading many lines at once gives what reading them one by one gives, whatever is in them."""

from __future__ import annotations

from itertools import pairwise
from unittest.mock import patch

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tracer.batch import LostStretch
from tracer.imports.blocks import scan
from tracer.imports.blocks.certain import Certain
from tracer.imports.blocks.heads import Heads
from tracer.imports.blocks.kept import KeepingScanner
from tracer.imports.blocks.scan import Scanner
from tracer.imports.blocks.text import Block
from tracer.imports.blocks.vocabulary import MOST_TEXTS, UNKNOWN, Vocabulary
from tracer.imports.converter import Converter
from tracer.imports.heads import FORMS
from tracer.imports.returns import without_end
from tracer.imports.rules import Rules
from tracer.imports.sources import open_source
from tracer.imports.survey import Surveyor

from ..golden.cases import TEXTS, all_cases
from .import_cases import GOLDEN

NO_HEADS = Heads(*[np.zeros(0, np.int64)] * 10)
SOURCES = [path.read_text().split("\n") for path in GOLDEN]
STRAY = [
    "CPU:0 [LOST 25 EVENTS]",
    "CPU:1 [LOST 7 EVENTS]",
    "CPU:0 [EVENTS DROPPED]",
    "perf  77/77  [001] 3974493.830100000: PERF_RECORD_LOST_SAMPLES lost 12",
    " => do_shrink_slab",
    " => virtio_balloon_shrinker_scan [virtio_balloon]",
    "=> a-1 [000] 3.000001: mm_vmscan_kswapd_sleep: nid=0",
    "           <...>-44      [001] d..1.   100.000003: kernel_stack:         <stack trace >",
    "",
    "# tracer: nop",
    "ffffffff81234567 do_shrink_slab+0x1 ([kernel.kallsyms])",
    "              dd-286   [001] 3974493.588000: mm_vmscan_kswapd_sleep: nid=0",
    "              dd-286   286 [001] 3974493.588000: vmscan:mm_vmscan_kswapd_sleep: nid=0",
    "              dd-286   (  280) [001] .... 3974493.588000: mm_vmscan_kswapd_sleep: nid=0",
    "       a 5 [002] b-286   [001] 3974493.588000: mm_vmscan_kswapd_sleep: nid=1",
    "       Web Content-286   [001] 3974493.588001: mm_vmscan_kswapd_sleep: nid=0",
    "   -286   [1001] 3974493.588001: mm_vmscan_kswapd_sleep: nid=0",
    "  <idle>-0   [0001] 3974493.588001: mm_vmscan_kswapd_sleep: nid=0",
    "  kswapd0:1-98   [001] d:.. 3974493.588001: mm_vmscan_kswapd_sleep: nid=0",
    "  kworker/0:0-9  [000] 1.000001: workqueue_execute_end: work struct 000000006da22af5",
    "  kworker/0:0-9  [000] 1.000002: workqueue_execute_start: work struct 0a: function update_balloon_size_func",
    "  kworker/0:0-9  [000] 1.000003: workqueue_execute_start: work struct 000000006da22af5: function vmstat_update",
    "  kworker/0:0-9  [000] 1.000004: tell: (tell_host+0x0/0x150 [virtio_balloon]) vq=(null)",
    "  kworker/0:0-9  [000] 1.000005: tell: (tell_host+0x0/0x150 [virtio_balloon]) vq=0",
    "  kworker/0:0-9  [000] 1.000006: fill: (fill_balloon+0x0/0x150 [virtio_balloon]) num=4",
    "  kworker/0:0-9  [000] 1.000007: notifier_run: rcu_stall_notify",
    "  kswapd0-98     [000]  9999999999.588001: mm_vmscan_kswapd_sleep: nid=0",
    "  kswapd0-98     [000]  12.588001: mm_vmscan_kswapd_wake: nid=0x1 order=-1",
    "  kswapd0-98     [000]  12.588001: mm_vmscan_kswapd_wake: nid=18446744073709551615 order=9999999999999999",
    "  kswapd0-98     [000]  12.588001: mm_vmscan_kswapd_wake: nid=1234567  order=12345678",
    "  kswapd0-98     [000]  12.588001: mm_vmscan_kswapd_wake: nid=-123456 order=1234567 ",
    "  kswapd0-98     [000]  12.588001: mm_vmscan_kswapd_wake: nid=1234567, order=",
]
PIECES = st.sampled_from(
    [*" -[]:.,=|()/x0975a_~", "  ", "\t", "\r", "é", "\x00", "\u2028", " nid=4", "0x1f", "-12", "99999999999999999999"]
)


def one_by_one():
    return patch.multiple(scan, heads_of=lambda *_: NO_HEADS, _silent=lambda block: np.zeros(len(block), bool))


def read(blocks: list[bytes]) -> dict[str, object]:
    rules = Rules({})
    with KeepingScanner() as scanner:
        surveyor = Surveyor(rules, scanner)
        for block in blocks:
            surveyor.feed(block)
        survey = surveyor.survey
        scanner.again()
        converter = Converter(rules, survey, without_end(survey.names), scanner)
        items = [item for block in blocks for item in converter.feed(block)] + list(converter.finish())
    records = [item for item in items if not isinstance(item, LostStretch)]
    return {
        "survey": survey,
        "records": b"".join(each.tobytes() for each in records),
        "times": [each["time_ns"].tolist() for each in records],
        "lost": [item for item in items if isinstance(item, LostStretch)],
        "counts": list(converter.unknown.items()),
        "others": (converter.unreadable, converter.backwards, converter.entries.ended, converter.markers),
        "losses": (converter.losses.last, converter.losses.total),
        "threads": (list(rules.threads.counted.items()), rules.threads.functions, rules.threads.works),
        "symbols": rules.symbols.take_new(),
    }


def assert_same(blocks: list[bytes]) -> None:
    with one_by_one():
        expected = read(blocks)
    found = read(blocks)
    for name, value in expected.items():
        assert found[name] == value, name


@st.composite
def changed(draw, line: str) -> str:
    """A line with some of its characters cut, doubled or replaced."""
    for _ in range(draw(st.integers(0, 2))):
        start = draw(st.integers(0, len(line)))
        end = draw(st.integers(start, min(start + 3, len(line))))
        line = line[:start] + draw(st.one_of(st.just(""), PIECES, st.just(line[start:end] * 2))) + line[end:]
    return line[: draw(st.integers(0, len(line)))] if draw(st.integers(0, 9)) == 0 else line


@st.composite
def texts(draw) -> list[bytes]:
    """Blocks of lines of one source, again and again, some of them changed and strange ones between them."""
    source = draw(st.sampled_from(SOURCES))
    lines = []
    for _ in range(draw(st.integers(1, 3))):
        start = draw(st.integers(0, len(source) - 1))
        lines += source[start : start + draw(st.integers(1, 40))]
    for _ in range(draw(st.integers(0, 6))):
        at = draw(st.integers(0, len(lines) - 1))
        stray = draw(st.sampled_from([*STRAY, lines[at]]))
        lines[at : at + draw(st.integers(0, 1))] = [draw(changed(stray))]
    ends = draw(st.sampled_from(["\n", "\n", "\n", "\r\n"]))
    cuts = sorted(draw(st.lists(st.integers(1, len(lines)), max_size=3)))
    parts = [lines[start:end] for start, end in pairwise([0, *cuts, len(lines)]) if start < end]
    return [ends.join(part).encode("utf-8", "surrogateescape") for part in parts]


@settings(max_examples=100, deadline=None)
@given(texts())
@example([b"\n".join(line.encode() for line in [*source, *STRAY, *source]) for source in SOURCES])
def test_damaged_text_is_read_as_line_by_line(blocks):
    assert_same(blocks)


@pytest.mark.parametrize("stray", STRAY)
def test_a_strange_line_among_others_is_read_as_line_by_line(stray):
    for source in SOURCES:
        lines = [*source, stray, *source[-5:]]
        assert_same(["\n".join(lines).encode(), "\n".join(lines).encode()])


@pytest.mark.parametrize("case", [case for case in all_cases() if case.source.match(TEXTS)], ids=lambda case: case.name)
def test_a_labelled_trace_is_read_as_line_by_line(case):
    source = open_source(str(case.source), lambda *_: None)
    blocks = list(source.blocks())
    source.close()
    assert_same([block[: 1 << 19].rpartition(b"\n")[0] for block in blocks[:3]])


def test_most_lines_of_a_trace_are_read_at_once():
    case = next(case for case in all_cases() if case.name == "run-stock-oom")
    source = open_source(str(case.source), lambda *_: None)
    first, second, *_ = source.blocks()
    source.close()
    rules, scanner = Rules({}), Scanner()
    surveyor = Surveyor(rules, scanner)
    surveyor.feed(first)
    surveyor.feed(second)
    known = Certain(rules.by_name, rules.threads, lambda _: None, scanner).read(second, FORMS[0])
    assert known.certain.mean() > 0.85


def test_a_blocks_lines_are_those_of_its_text():
    data = "a b\n\n  c\té \n".encode() + b"\xff\n" + b"x" * 70_000
    block = Block(data)
    assert [block.line(line) for line in range(len(block))] == data.decode("utf-8", "replace").split("\n")
    assert block.odd.tolist() == [False, False, True, True, True]


def test_texts_beyond_the_limit_stay_unknown():
    vocabulary = Vocabulary()
    words = [f"w{number}" for number in range(MOST_TEXTS + 5)]
    block = Block("\n".join(words).encode())
    numbers = vocabulary.numbers(block, block.starts, block.ends - block.starts)
    assert np.count_nonzero(numbers == UNKNOWN) == 5
    again = vocabulary.numbers(block, block.starts, block.ends - block.starts)
    assert again.tolist() == numbers.tolist()
    known = np.flatnonzero(numbers != UNKNOWN)
    assert [vocabulary.texts[numbers[row]].decode() for row in known] == [words[row] for row in known]
