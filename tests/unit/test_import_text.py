"""Lines of ftrace, trace-cmd and perf become events."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from import_cases import DATA, GOLDEN, golden_text, import_file, import_text

from tracer.schema import DEF_PRIORITY

SLAB = (
    "mm_shrink_slab_start: super_cache_scan+0x0/0x1f0 00000000abc: nid: 1 objects to shrink 3 gfp_flags GFP_KERNEL "
    "cache items 100 delta 1 total_scan 128 priority 7"
)
UNPARSED = (
    "mm_shrink_slab_start: [FAILED TO PARSE] shr=0xabc shrink=super_cache_scan nid=1 nr_objects_to_shrink=3 "
    "gfp_flags=3264 cache_items=100 delta=1 total_scan=128 priority=7"
)
COMPACT_RETRY = (
    "compact_retry: order=9 priority=COMPACT_PRIO_SYNC_LIGHT compaction_result=withdrawn retries=0 max_retries=16 "
    "should_retry=1"
)
RECLAIMED = "mm_vmscan_direct_reclaim_end: nr_reclaimed=49"


def line(text, task="cat-7", cpu="[001]", flags=" .....", time="1.000001"):
    return f"{task:>20} {cpu}{flags} {time}: {text}\n"


@pytest.mark.parametrize("source", GOLDEN, ids=lambda path: path.stem)
def test_recorded_text_gives_the_events_beside_it(source, tmp_path):
    expected = source.with_suffix(".expected").read_text()
    assert golden_text(source, tmp_path) == expected, "accept with: python tests/unit/import_cases.py"


def test_every_kind_of_text_has_a_recording_to_be_held_against():
    assert len(GOLDEN) >= 5
    assert all(path.with_suffix(".expected").is_file() for path in GOLDEN)


@pytest.mark.parametrize(
    ("head", "cpu", "tid", "tgid", "comm", "time_ns"),
    [
        ("             cat-213     [000] .N...    22.736266: ", 0, 213, 213, "cat", 22736266000),
        ("     kworker/0:0-9       [003] d.H4.    27.957436: ", 3, 9, 9, "kworker/0:0", 27957436000),
        ("         kswapd0-45    [001]    99.561693: ", 1, 45, 45, "kswapd0", 99561693000),
        ("          <idle>-0     [002] d..1.     1.500000: ", 2, 0, 0, "<idle>", 1500000000),
        ("           <...>-123   [011] .....     1.500000: ", 11, 123, 123, "<...>", 1500000000),
        ("   my-task (x) y-55     (    50) [000] d..1. 12.345678: ", 0, 55, 50, "my-task (x) y", 12345678000),
        ("            bash-77      (-------) [001] .....  3.000001: ", 1, 77, 77, "bash", 3000001000),
        ("            bash-77    [001] (   70) d..1    3.000001: ", 1, 77, 77, "bash", 3000001000),
        ("              sh 10369/10370 [001]  3974.209146085:       vmscan:", 1, 10370, 10369, "sh", 3974209146085),
        ("         kswapd0    45 [001]    99.561693:          1 vmscan:", 1, 45, 45, "kswapd0", 99561693000),
        (" Web Content 2   912/77  [010]  9.500000: vmscan:", 10, 77, 912, "Web Content 2", 9500000000),
        ("            bash-77      1d..1.     3.000001: ", 1, 77, 77, "bash", 3000001000),
        ("            bash-77      1d..1   123us+: ", 1, 77, 77, "bash", 123000),
        ("            bash-77      3.000001: ", 0, 77, 77, "bash", 3000001000),
        ("            bash  77     3.000001: vmscan:", 0, 77, 77, "bash", 3000001000),
        ("            bash-77    [001]     3.000001: (+128)   ", 1, 77, 77, "bash", 3000001000),
        ("[003]     3.000001: vmscan:", 3, 0, 0, "", 3000001000),
    ],
)
def test_heads_of_every_form(head, cpu, tid, tgid, comm, time_ns, tmp_path):
    [event] = import_text(f"{head}{RECLAIMED}\n", tmp_path).events
    assert (event.cpu, event.tid, event.tgid, event.comm, event.time_ns) == (cpu, tid, tgid, comm, time_ns)
    assert (event.kind, event.args) == ("direct_reclaim_end", {"nr_reclaimed": 49})


# What prctl(PR_SET_NAME) lets through: 15 bytes of anything but NUL. ftrace prints them as they are.
COMMS = st.binary(min_size=1, max_size=15).filter(lambda name: b"\0" not in name and b"\n" not in name)
LOOKALIKES = st.sampled_from(
    [
        b"-1 [000] 1.234:",
        b"x-12",
        b"a 1.234567: b:",
        b"-9 1.000001: m:",
        b"[001] 1.0000:",
        b"a-1 (1) [000] 9",
        b" - -",
        b"#",
    ]
)


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(comm=COMMS | LOOKALIKES, form=st.sampled_from(["ftrace", "perf"]))
def test_a_task_can_call_itself_anything(comm, form, tmp_path):
    # GIVEN a task that chose its own name, between two honest ones
    if form == "ftrace":
        head = b"%b-4711    [001] .....    22.736266: " % comm.rjust(16)
    else:
        head = b"%b  4711/4711  [001]    22.736266: vmscan:" % comm.rjust(16)
    honest = line(RECLAIMED).encode()
    imported = import_text(honest + head + RECLAIMED.encode() + b"\n" + honest, tmp_path)
    # THEN its event is its own, whatever the name looks like
    assert [event.tid for event in imported.events] == [7, 4711, 7]
    assert imported.events[1].time_ns == 22736266000
    shown = comm.decode("utf-8", "replace").strip().encode()[:15].decode("utf-8", "ignore")
    assert imported.events[1].comm == shown


def test_a_name_with_a_line_end_hides_nothing_behind_it(tmp_path):
    text = line(RECLAIMED) + line(RECLAIMED, task="a\nb-9") + line(RECLAIMED)
    assert [event.tid for event in import_text(text, tmp_path).events] == [7, 9, 7]


def test_a_victims_name_can_not_forge_its_sizes(tmp_path):
    comm = "x total-vm=9kB"
    text = (
        f"mark_victim: pid=214 comm={comm} total-vm=103396kB anon-rss=64256kB file-rss:92kB shmem-rss:0kB "
        "uid=0 pgtables=164kB oom_score_adj=-5"
    )
    [event] = import_text(line(text), tmp_path).events
    assert event.args["total_vm"] == 103396
    assert event.args["victim_comm"] == comm
    assert event.args["oom_score_adj"] == -5


def test_a_victim_of_an_older_kernel_has_a_process_id_only(tmp_path):
    imported = import_text(line("mark_victim: pid=214"), tmp_path)
    assert imported.events[0].args == {"pid": 214}
    assert "total_vm" in imported.recording.metadata.absent_fields["mark_victim"]


@pytest.mark.parametrize(
    "text",
    [
        SLAB,
        SLAB.replace("super_cache_scan+0x0/0x1f0", "super_cache_scan+0x0"),
        SLAB.replace("super_cache_scan+0x0/0x1f0", "super_cache_scan+0x0/0x1f0 [ext4]"),
        SLAB.replace("super_cache_scan+0x0/0x1f0", "super_cache_scan.cfi_jt"),
        SLAB.replace("gfp_flags GFP_KERNEL", "gfp_flags GFP_NOFS|__GFP_NOWARN pgs_scanned 5 lru_pgs 900"),
        SLAB.replace("nid: 1 ", "nid: 1 memcg_id: 77 "),
        UNPARSED,
    ],
)
def test_old_and_new_texts_of_one_tracepoint(text, tmp_path):
    imported = import_text(line(text), tmp_path)
    args = imported.events[0].args
    expected = {"shrink": "super_cache_scan", "shr": 0xABC, "nid": 1, "nr_objects_to_shrink": 3, "cache_items": 100}
    assert {**args, **expected, "delta": 1, "total_scan": 128, "priority": 7} == args
    assert ("memcg_id" in args) == ("memcg_id" in text)
    assert "gfp_flags" in imported.recording.metadata.absent_fields["shrink_slab_start"]


def test_a_priority_the_text_lacks_is_not_the_worst_one(tmp_path):
    text = SLAB.replace(" priority 7", "")
    imported = import_text(line(text), tmp_path)
    assert "priority" in imported.recording.metadata.absent_fields["shrink_slab_start"]
    [batch] = imported.recording.items()
    assert batch.args["shrink_slab_start"]["priority"].tolist() == [DEF_PRIORITY]


def test_an_offset_that_is_not_zero_stays_in_the_name(tmp_path):
    imported = import_text(line(SLAB.replace("+0x0/", "+0x10/")), tmp_path)
    assert imported.events[0].args["shrink"] == "super_cache_scan+0x10"


def test_a_name_has_the_same_address_in_every_import(tmp_path):
    first = import_text(line(SLAB), tmp_path).recording.symbols
    second = import_text(line(SLAB.replace("super_cache_scan", "other_scan")) + line(SLAB), tmp_path).recording.symbols
    assert len(second) == 2
    assert first.items() <= second.items()


@pytest.mark.parametrize(
    ("text", "kind", "args"),
    [
        (
            "mm_vmscan_throttled: nid=0 usec_timeout=25000 usect_delayed=1500 reason=VMSCAN_THROTTLE_NOPROGRESS",
            "throttled",
            {"nid": 0, "usec_timeout": 25000, "usec_delayed": 1500, "reason": 4},
        ),
        (
            COMPACT_RETRY,
            "compact_retry",
            {"order": 9, "priority": 1, "result": 2, "retries": 0, "max_retries": 16, "ret": 1},
        ),
        (
            "mm_compaction_end: zone_start=0x1000 migrate_pfn=0x1 free_pfn=0x2 zone_end=0x3, mode=sync status=success",
            "compaction_end",
            {"status": 8},
        ),
        ("mm_compaction_begin: zone_start=0x1000 zone_end=0x3, mode=sync", "compaction_begin", {"sync": 1}),
        ("notifier_run: cmm_oom_notify [cmm]", "oom_notifier_run", {"cb": "cmm_oom_notify"}),
        ("mm_vmscan_kswapd_wake: nid=1 zid=2 order=3", "kswapd_wake", {"nid": 1, "zid": 2, "order": 3}),
        ("mm_vmscan_node_reclaim_begin: nid=1 order=2 gfp_flags=0", "node_reclaim_begin", {"nid": 1, "order": 2}),
        ("mm_vmscan_memcg_reclaim_end: nr_reclaimed=68719476736 memcg_id=5", "memcg_reclaim_end",
         {"nr_reclaimed": 2**36, "memcg_id": 5}),
    ],
)  # fmt: skip
def test_fields_of_the_rarer_tracepoints(text, kind, args, tmp_path):
    [event] = import_text(line(text), tmp_path).of(kind)
    assert event.args == args


def test_only_the_balloons_work_is_kept(tmp_path):
    text = (
        line(
            "workqueue_execute_start: work struct 00000000aa: function update_balloon_size_func [virtio_balloon]",
            time="1.0001",
        )
        + line("workqueue_execute_start: work struct 00000000bb: function vmstat_update", task="kw-8", time="1.0002")
        + line("workqueue_execute_end: work struct 00000000bb", task="kw-8", time="1.0003")
        # An older kernel's end names no function: it is the thread's.
        + line("workqueue_execute_end: work struct 00000000aa", time="1.0004")
    )
    imported = import_text(text, tmp_path)
    assert [str(event) for event in imported.events] == [
        "1000100000 [1] 7/7 'cat' balloon_work_begin work=170 function=update_balloon_size_func",
        "1000400000 [1] 7/7 'cat' balloon_work_end work=170 function=update_balloon_size_func",
    ]
    assert imported.result.unknown == {"workqueue_execute_start": 1, "workqueue_execute_end": 1}


def test_only_the_oom_chain_of_the_notifiers_is_kept(tmp_path):
    text = line("notifier_run: pvclock_gtod_notify [kvm]") + line("notifier_run: cmm_oom_notify")
    imported = import_text(text, tmp_path)
    assert [event.args for event in imported.events] == [{"cb": "cmm_oom_notify"}]


def test_time_zero_is_the_first_event_known_or_not(tmp_path):
    text = "# tracer: nop\n" + line("sched_switch: a ==> b", time="0.500000") + line(RECLAIMED)
    imported = import_text(text, tmp_path)
    assert imported.recording.metadata.start_ns == 500_000_000
    assert imported.result.unknown == {"sched_switch": 1}
    assert imported.recording.notes["import"]["unknown"] == {"sched_switch": 1}


def test_events_keep_their_order_where_their_times_tie(tmp_path):
    # GIVEN microseconds, in which a thread does several things, and another one
    begin = "mm_vmscan_direct_reclaim_begin: order=0 gfp_flags=GFP_KERNEL"
    text = line(begin) + line(RECLAIMED) + line(begin, task="dd-8") + line(begin) + line(RECLAIMED, time="1.000002")
    events = import_text(text, tmp_path).events
    # THEN times rise by the least step, in the order of the text
    assert [event.time_ns for event in events] == [1000001000, 1000001001, 1000001002, 1000001003, 1000002000]


def test_a_thread_whose_clock_steps_back_a_little_goes_on(tmp_path):
    text = (
        line(RECLAIMED, time="1.000500")
        + line(RECLAIMED, time="1.000100", cpu="[000]")
        + line(RECLAIMED, time="0.500000")
    )
    imported = import_text(text, tmp_path)
    assert [event.time_ns for event in imported.events] == [1000500000, 1000500001, 500000000]
    assert any("1 events are earlier" in remark for remark in imported.result.remarks)


def test_idle_tasks_of_two_cpus_are_two_threads(tmp_path):
    text = line(RECLAIMED, task="<idle>-0") + line(RECLAIMED, task="<idle>-0", cpu="[000]", time="1.000000")
    assert [event.time_ns for event in import_text(text, tmp_path).events] == [1000001000, 1000000000]


@pytest.mark.parametrize(
    ("loss", "count"),
    [("CPU:1 [LOST 250 EVENTS]", 250), ("CPU:1 [77 EVENTS DROPPED]", 77), ("CPU:1 [EVENTS DROPPED]", 1)],
)
def test_lost_events_lie_between_their_cpus_neighbours(loss, count, tmp_path):
    text = (
        line(RECLAIMED, time="1.000001")
        + line("sched_switch: x", time="1.000002")
        + line(RECLAIMED, task="dd-8", cpu="[000]", time="1.000005")
        + f"{loss}\n"
        + line(RECLAIMED, task="dd-8", cpu="[000]", time="1.000006")
        + line(RECLAIMED, time="1.000009")
    )
    imported = import_text(text, tmp_path)
    [stretch] = imported.lost
    assert (stretch.start_ns, stretch.end_ns, dict(stretch.counts)) == (1000002000, 1000009000, {"unknown": count})
    assert imported.result.lost == count
    assert len(imported.events) == 4


def test_a_loss_at_the_end_of_the_text_counts_too(tmp_path):
    imported = import_text(line(RECLAIMED) + "CPU:0 [LOST 3 EVENTS]\n", tmp_path)
    assert [stretch.total for stretch in imported.lost] == [3]


def test_perfs_record_of_a_loss(tmp_path):
    perf = "         kswapd0    45 [001]    99.561693: vmscan:" + RECLAIMED + "\n"
    lost = "         swapper     0 [001]    99.561700: PERF_RECORD_LOST lost 12\n"
    imported = import_text(perf + lost + perf.replace("99.561693", "99.600000"), tmp_path)
    assert [(stretch.start_ns, stretch.total) for stretch in imported.lost] == [(99561693000, 12)]


def test_stacks_comments_and_blank_lines_are_no_events(tmp_path):
    stack = " => shrink_slab\n => kswapd (ffffffff90ea2e60)\n=> ret\n\tffffffff8110abcd func+0x1 ([kernel])\n"
    text = (
        line(RECLAIMED) + line("<stack trace>") + stack + "\n# comment\n" + line("kernel_stack: <stack trace >") + stack
    )
    imported = import_text(text, tmp_path)
    assert imported.kinds == ["direct_reclaim_end"]
    assert imported.result.unknown == {}


def test_lines_of_a_function_tracer_are_counted_together(tmp_path):
    imported = import_text(line("vfs_read <-ksys_read") + line(RECLAIMED), tmp_path)
    assert imported.result.unknown == {"(no event name)": 1}


def test_windows_line_ends_and_bytes_that_are_no_text(tmp_path):
    raw = (
        (line(SLAB) + line(RECLAIMED)).replace("\n", "\r\n").encode()
        + b"\xff\xfe\x80 broken\r\n"
        + line(RECLAIMED).encode()
    )
    imported = import_text(raw, tmp_path)
    assert imported.kinds == ["shrink_slab_start", "direct_reclaim_end", "direct_reclaim_end"]


def test_a_line_cut_short_is_counted_not_guessed(tmp_path):
    cut = line(SLAB)[: -len("total_scan 128 priority 7\n")]
    imported = import_text(line(SLAB) + cut + "\n", tmp_path)
    assert imported.kinds == ["shrink_slab_start"]
    assert imported.result.unreadable == 1


def test_endless_lines_are_left_out(tmp_path):
    endless = "x" * 3_000_000
    text = (
        line(RECLAIMED)
        + endless
        + "\n"
        + line(RECLAIMED, time="2.000001")
        + "y" * 100_000
        + "\n"
        + line(RECLAIMED, time="3.000001")
    )
    assert len(import_text(text, tmp_path).events) == 3


def test_a_header_tells_cpus_kernel_and_what_was_overwritten(tmp_path):
    head = "# tracer: nop\n#\n# entries-in-buffer/entries-written: 100/350   #P:16\n#\n"
    imported = import_text(head + line(RECLAIMED), tmp_path)
    assert imported.recording.metadata.cpus == 16
    assert imported.recording.notes["import"]["overwritten"] == 250
    assert any(remark.startswith("250 older events") for remark in imported.result.remarks)
    perf = "# hostname : web7\n# os release : 6.9.1\n# nrcpus online : 12\n"
    metadata = import_text(perf + line(RECLAIMED), tmp_path).recording.metadata
    assert (metadata.host, metadata.kernel_release, metadata.cpus) == ("web7", "6.9.1", 12)
    assert import_text(line(RECLAIMED), tmp_path).recording.metadata.cpus is None


def test_more_events_than_a_block_come_whole_and_in_order(tmp_path):
    count = 70_000
    text = "".join(line(f"mm_vmscan_direct_reclaim_end: nr_reclaimed={n}", time=f"1.{n:06}") for n in range(count))
    imported = import_text(text, tmp_path)
    assert [event.args["nr_reclaimed"] for event in imported.events] == list(range(count))
    assert imported.result.events == count


def test_markers_become_a_note(tmp_path):
    text = line("tracing_mark_write: load starts", time="1.000001") + line(RECLAIMED, time="1.500001")
    assert import_text(text, tmp_path).recording.notes["markers"] == [[0.0, "load starts"]]


def test_the_plan_says_where_each_kind_came_from(tmp_path):
    imported = import_file(DATA / "trace-cmd-no-return.txt", tmp_path / "out.rtrace")
    plan = {row.what: row for row in imported.recording.metadata.plan}
    assert plan["leak_balloon_end"].source == "import:leak_balloon_ret"
    assert plan["mark_victim"].state == "absent"
    assert imported.recording.metadata.imported_from == "trace-cmd-no-return.txt"
    assert imported.recording.metadata.balloon.driver == "virtio_balloon"
