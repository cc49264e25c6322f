"""Entries whose returns the source lacks altogether."""

from import_cases import import_text

from tracer.analyze import Engine
from tracer.store import Recording


def line(text, time, task="hog-9"):
    return f"{task:>20}  [000] .....  {time}: {text}\n"


OUT_OF_MEMORY = "out_of_memory: (ffffffffa728a770)"
NOTIFY = "oom_notify: (ffffffffc089a640)"
NOTIFIED = "oom_notify_ret: (ffffffffc089a640 <- ffffffffa70d2fdc) ret=1"
LEAK = "leak_balloon: (ffffffffc0899f60) num=256"
LEAKED = "leak_balloon_ret: (ffffffffc0899f60 <- ffffffffc089a672) freed=256"
RECLAIM = "mm_vmscan_direct_reclaim_begin: order=0 gfp_flags=GFP_KERNEL"
RECLAIMED = "mm_vmscan_direct_reclaim_end: nr_reclaimed=0"


def shown(imported):
    return [(event.time_ns, event.tid, event.kind) for event in imported.events]


def test_an_entry_ends_after_the_last_event_that_can_lie_inside(tmp_path):
    text = (
        line(OUT_OF_MEMORY, "1.000001")
        + line(NOTIFY, "1.000002")
        + line(LEAK, "1.000003")
        + line(LEAKED, "1.000004")
        + line(NOTIFIED, "1.000005")
        + line(RECLAIM, "1.000006")
        + line(RECLAIMED, "1.000007")
    )
    imported = import_text(text, tmp_path)
    assert shown(imported)[4:6] == [(1000005000, 9, "oom_notify_end"), (1000005001, 9, "out_of_memory_end")]
    assert imported.kinds.index("direct_reclaim_begin") == 6
    # THEN the recording says that this end was never seen
    plan = {row.what: row for row in imported.recording.metadata.plan}
    assert "not in the source" in plan["out_of_memory_end"].reason
    assert imported.recording.metadata.absent_fields["out_of_memory_end"] == ("retval", "constraint")
    assert imported.recording.notes["import"]["ended_without_end"] == 1


def test_entries_inside_each_other_end_from_the_inside(tmp_path):
    text = (
        line(OUT_OF_MEMORY, "1.000001") + line(NOTIFY, "1.000002") + line(LEAK, "1.000003") + line(RECLAIM, "1.000009")
    )
    assert shown(import_text(text, tmp_path))[3:] == [
        (1000003001, 9, "leak_balloon_end"),
        (1000003002, 9, "oom_notify_end"),
        (1000003003, 9, "out_of_memory_end"),
        (1000009000, 9, "direct_reclaim_begin"),
    ]


def test_a_silent_thread_is_out_of_the_function_after_a_while(tmp_path):
    other = line(RECLAIMED, "1.040000", task="dd-8") + line(RECLAIMED, "1.060000", task="dd-8")
    imported = import_text(line(OUT_OF_MEMORY, "1.000001") + other, tmp_path)
    assert shown(imported)[1:] == [
        (1040000000, 8, "direct_reclaim_end"),
        (1000001001, 9, "out_of_memory_end"),
        (1060000000, 8, "direct_reclaim_end"),
    ]


def test_what_is_under_way_at_the_end_of_the_trace_stays_open(tmp_path):
    assert import_text(line(OUT_OF_MEMORY, "1.000001") + line(NOTIFY, "1.000002"), tmp_path).kinds == [
        "out_of_memory_begin",
        "oom_notify_begin",
    ]


def test_nothing_is_made_up_where_some_returns_are_there(tmp_path):
    text = line(LEAK, "1.000001") + line(LEAK, "2.000001") + line(LEAKED, "2.000002") + line(RECLAIM, "3.000001")
    assert import_text(text, tmp_path).kinds.count("leak_balloon_end") == 1


def test_a_reclaim_that_never_ends_is_left_incomplete(tmp_path):
    imported = import_text(line(RECLAIM, "1.000001") + line(LEAK, "5.000001", task="kw-3"), tmp_path)
    assert "direct_reclaim_end" not in imported.kinds
    recording = Recording.open(imported.recording.path)
    engine = Engine(recording.metadata, recording.symbols)
    for item in recording.items():
        engine.feed(item)
    assert engine.finish().accounting.begins_without_end >= 1
