"""Texts that other tools, mailers and clocks made: read right, or refused by name."""

import pytest
from import_cases import DATA, import_file, import_text

from tracer.errors import RecordingError
from tracer.imports.blocks.scan import Scanner
from tracer.imports.rules import Rules
from tracer.imports.survey import Surveyor

FOREIGN = DATA.parent / "foreign"
HEAD = "         kswapd0-47    [000] ....   102.200000: "
LRU = "mm_vmscan_lru_shrink_inactive: nid=0 nr_scanned=32 nr_reclaimed=31 priority=12 flags=RECLAIM_WB_FILE"
RETRY = (
    "reclaim_retry_zone: node=0 zone=DMA32    order=0 reclaimable=1 available=2 min_wmark=3 no_progress_loops=1"
    " wmark_check=0"
)
COMPACT = (
    "compact_retry: order=3 priority=COMPACT_PRIO_SYNC_LIGHT compaction_result=withdrawn retries=1 max_retries=16"
    " should_retry=0"
)


def foreign(name, tmp_path):
    return import_file(FOREIGN / f"{name}.txt", tmp_path / "out.rtrace")


def refusal(text, tmp_path):
    with pytest.raises(RecordingError) as caught:
        import_text(text, tmp_path)
    return str(caught.value)


def test_folded_lines_are_joined(tmp_path):
    begin, end = foreign("folded-lines", tmp_path).events
    assert begin.args["total_scan"] - end.args["total_scan"] == 46_844_928
    assert end.args["retval"] == 46_844_928


@pytest.mark.parametrize("mark", ["\n", "\n> ", " \\\n    "])
def test_a_line_may_be_folded_at_any_blank(mark, tmp_path):
    words = LRU.split(" ")
    for at in range(1, len(words)):
        text = f"{HEAD}{' '.join(words[:at])}{mark}{' '.join(words[at:])}\n{HEAD}{LRU}\n"
        events = import_text(text, tmp_path).events
        assert [event.args["nr_reclaimed"] for event in events] == [31, 31], text


@pytest.mark.parametrize("mark", ["\n", "\n> "])
def test_a_line_may_be_folded_inside_of_a_number_or_of_flags(mark, tmp_path):
    line = f"{HEAD}{LRU}|RECLAIM_WB_ASYNC"
    for at in (line.index("=32") + 2, line.index("=31") + 2, line.index("_FILE"), line.index("_ASYNC") + 5):
        events = import_text(f"{line[:at]}{mark}{line[at:]}\n{line}\n", tmp_path).events
        args = [[event.args[name] for name in ("nr_scanned", "nr_reclaimed", "reclaim_flags")] for event in events]
        assert args == [[32, 31, 0xA]] * 2, line[:at]


TO_FOLD = (FOREIGN / "lines-to-fold.txt").read_text().splitlines()


@pytest.mark.parametrize("text", TO_FOLD, ids=lambda text: text.partition(":")[0])
def test_a_fold_at_any_blank_and_inside_of_any_number_is_joined(text, tmp_path):
    def read(first):
        return [(event.kind, event.args) for event in import_text(f"{first}\n{HEAD}{text}\n", tmp_path).events]

    whole = read(f"{HEAD}{text}")
    assert len(whole) == 2
    for at in range(text.index(":") + 1, len(text)):
        if text[at] == " " or (text[at].isdigit() and text[at - 1].isdigit()):
            assert read(f"{HEAD}{text[:at].rstrip()}\n{text[at:].lstrip()}") == whole, text[:at]


@pytest.mark.parametrize(
    ("text", "word"),
    [(RETRY.replace("DMA32", zone), zone) for zone in ("DMA32", "Normal", "HighMem", "DMA")]
    + [(COMPACT, "COMPACT_PRIO_SYNC_LIGHT"), (COMPACT, "withdrawn")],
    ids=lambda text: text.split("=")[0],
)
def test_a_fold_inside_of_a_word_that_is_a_value_is_joined(text, word, tmp_path):
    whole = import_text(f"{HEAD}{text}\n", tmp_path).events[0].args
    begin = text.index(f"={word}") + 1
    for at in range(begin, begin + len(word)):
        events = import_text(f"{HEAD}{text[:at]}\n{text[at:]}\n{HEAD}{text}\n", tmp_path).events
        assert [event.args for event in events] == [whole, whole], text[:at]


@pytest.mark.parametrize(
    "call",
    [
        "\tffffffff81234567 do_shrink_slab+0x1",
        "  555555554000 main (/usr/bin/hog)",
        "  00401234 main",
        "=> shrink_slab",
    ],
)
def test_stacks_are_no_folded_lines(call, tmp_path):
    line = f"{HEAD}mm_vmscan_direct_reclaim_begin: order=0 gfp_flags=GFP_KERNEL"
    source = tmp_path / "trace.txt"
    source.write_text(f"{line}\n{call}\n{call}\n\n{line}\n")
    surveyor = Surveyor(Rules({}), Scanner())
    surveyor.feed(source.read_bytes())
    assert not surveyor.survey.continued
    assert [event.args["order"] for event in import_file(source, tmp_path / "out.rtrace").events] == [0, 0]


def test_a_fold_between_two_blocks_is_seen():
    surveyor = Surveyor(Rules({}), Scanner())
    surveyor.feed(f"{HEAD}mm_vmscan_direct_reclaim_begin: order=123".encode())
    surveyor.feed(b"456789 gfp_flags=GFP_KERNEL")
    assert surveyor.survey.continued


@pytest.mark.parametrize("pointer", ["          (null)", "(ptrval)", "(____ptrval____)", "", "0000000087027f06"])
def test_a_pointer_may_be_padded_or_blank(pointer, tmp_path):
    start = f"{HEAD}mm_shrink_slab_start: super_cache_scan+0x0/0x2f8 {pointer}: nid: 0 objects to shrink 42 "
    text = f"{start}gfp_flags GFP_KERNEL cache items 87 delta 43 total_scan 85 priority 12\n"
    [event] = import_text(text, tmp_path).events
    assert (event.args["total_scan"], event.args["shr"] == 0) == (85, not pointer.startswith("00"))


def test_fields_cut_from_every_line_are_unknown(tmp_path):
    imported = import_text(f"{HEAD}mm_vmscan_lru_shrink_inactive: nid=0 nr_scanned=32 nr_recl\n" * 2, tmp_path)
    assert [event.args["nr_scanned"] for event in imported.events] == [32, 32]
    assert "nr_reclaimed" in imported.recording.metadata.absent_fields["lru_shrink_inactive"]
    assert any("Fields missing from every line of lru_shrink_inactive" in remark for remark in imported.result.remarks)


def test_a_first_line_that_is_cut_does_not_cut_the_others(tmp_path):
    imported = import_text(f"{HEAD}mm_vmscan_lru_shrink_inactive: nid=0 nr_scanned=32\n{HEAD}{LRU}\n", tmp_path)
    assert [event.args["nr_reclaimed"] for event in imported.events] == [31]
    assert any("1 line of known events could not be read, the first:" in each for each in imported.result.remarks)


def test_names_are_without_what_stands_before_them(tmp_path):
    events = foreign("prefixed-lines", tmp_path).events
    assert [event.comm for event in events] == ["kcompactd0"] * 2 + ["kswapd0"] * 4


def test_task_after_task_is_put_in_order_and_begins_with_the_earliest_event(tmp_path):
    imported = foreign("task-after-task", tmp_path)
    assert imported.recording.metadata.start_ns == imported.events[0].time_ns == 12_838_491_407_000
    assert [event.time_ns for event in imported.events] == sorted(event.time_ns for event in imported.events)
    assert any("not sorted by time" in remark for remark in imported.result.remarks)


def test_the_function_tracers_lines_are_entries(tmp_path):
    kinds = foreign("function-tracer", tmp_path).kinds
    assert {"out_of_memory_begin", "fill_balloon_begin", "leak_balloon_begin"} <= set(kinds)


def test_a_blank_pointer_is_unknown_and_a_broken_line_is_joined(tmp_path):
    events = foreign("blank-pointer", tmp_path).events
    assert [event.kind for event in events] == ["shrink_slab_end", "shrink_slab_start"]
    assert (events[1].args["shr"], events[1].args["total_scan"]) == (0, 85)


def test_the_latency_format_with_verbose_is_read(tmp_path):
    head = "              dd   24125   1 0 00000000 00000000 [77eda0d3] 2012061.907ms (+0.033ms): "
    [event] = import_text(head + LRU + "\n", tmp_path).events
    assert (event.comm, event.tid, event.cpu, event.time_ns) == ("dd", 24125, 1, 2_012_061_907_000)


def test_distances_and_counts_are_no_times(tmp_path):
    for name, message in (("deltatime", "differences between lines"), ("integer-clock", "its times are counts")):
        with pytest.raises(RecordingError, match=message):
            foreign(name, tmp_path)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[  100.000000] mm_vmscan_kswapd_wake: nid=0 order=0\n", "tp_printk"),
        ("mm_vmscan_kswapd_wake: nid=0 order=0\n", "context-info"),
        ("100.000 ( 0.000 ms): kswapd0/47 vmscan:mm_vmscan_kswapd_wake(nid: 0)\n", "perf trace"),
        ("         kswapd0    47 [000] vmscan:mm_vmscan_kswapd_wake: nid=0 order=0\n", "have no times"),
        ("100.000100 [001] kswapd0-47: mm_vmscan_kswapd_wake nid=0\n", "begin with the time"),
        (" 0)   0.123 us    |  fill_balloon();\n", "function_graph"),
        (f"{HEAD}mm_shrink_slab_start: what is this\n", "the text of mm_shrink_slab_start, which is known"),
    ],
)
def test_what_can_not_be_read_is_called_by_its_name(text, message, tmp_path):
    assert message in refusal(text, tmp_path)
