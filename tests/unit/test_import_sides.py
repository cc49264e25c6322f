"""Side files: the guest's counters, the host's log, and how their clocks are found."""

import gzip
import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from import_cases import import_text

from tracer.batch import Batch, Samples
from tracer.errors import RecordingError
from tracer.imports.clocks import Messages, by_matching, by_messages
from tracer.schema import SAMPLE_NULL

SECOND = 1_000_000_000
MIB = 1 << 20


def at(seconds, text, task="kworker/0:1-7"):
    return f"{task:>20}  [000] .....  {seconds:.6f}: {text}\n"


def change(seconds):
    return at(seconds, "virtballoon_changed: (ffffffffc079a770)", "<idle>-0")


TRACE = "".join(
    [
        at(100.0, "tracing_mark_write: on"),
        change(103.02),
        change(110.05),
        change(113.02),
        at(120.0, "leak_balloon: (ffffffffc079a770) num=1"),
    ]
)


def jsonl(path, records):
    path.write_text("".join(json.dumps(record) + "\n" for record in records))
    return path


def sampled(imported, name):
    found = {}
    for samples in imported.samples:
        column = samples.column(name)
        if column is not None:
            found |= dict(zip(samples.time_ns.tolist(), column.tolist(), strict=True))
    return found


def test_counters_of_the_guest_join_on_its_clock(tmp_path):
    records = [
        {
            "mono": 100 + n,
            "real": 1_795_392_715.5 + n,
            "vmstat": {"pgscan_direct": n * 10, "odd": "text"},
            "meminfo_kb": {"MemTotal": 981460, "MemFree": 5},
        }
        for n in range(5)
    ]
    imported = import_text(TRACE, tmp_path, samples=jsonl(tmp_path / "vmstat.jsonl", records))
    assert sampled(imported, "vmstat.pgscan_direct") == {(100 + n) * SECOND: n * 10 for n in range(5)}
    assert sampled(imported, "meminfo.MemFree_bytes")[100 * SECOND] == 5 * 1024
    metadata = imported.recording.metadata
    assert metadata.memory_total_bytes == 981460 * 1024
    assert metadata.sample_interval_s == 1.0
    assert metadata.start_utc_ns == 1_795_392_715_500_000_000
    assert "samples_clock" not in imported.recording.notes


def test_readings_come_among_the_events_as_a_recorder_writes_them(tmp_path):
    # GIVEN a trace of twenty seconds and readings all along
    records = [{"mono": 100 + n, "real": 1_795_392_715.5 + n, "vmstat": {"pgscan_direct": n}} for n in range(20)]
    imported = import_text(TRACE, tmp_path, samples=jsonl(tmp_path / "vmstat.jsonl", records))
    # WHEN it is read from its beginning
    newest_ns = dict.fromkeys((Batch, Samples), 0)
    for item in imported.recording.items():
        times = item.header["time_ns"] if isinstance(item, Batch) else item.time_ns
        newest_ns[type(item)] = max(newest_ns[type(item)], int(times.max()))
        # THEN no reading comes seconds after the events of its time
        if isinstance(item, Samples):
            assert newest_ns[Batch] - int(times.min()) < SECOND
    assert newest_ns[Samples] == 119 * SECOND


def test_samples_outside_the_trace_are_left_out_and_counted(tmp_path):
    records = [{"mono": 90 + n, "vmstat": {"pgscan_direct": n}} for n in range(50)]
    imported = import_text(TRACE, tmp_path, samples=jsonl(tmp_path / "vmstat.jsonl", records))
    times = sorted(sampled(imported, "vmstat.pgscan_direct"))
    assert (times[0], times[-1]) == (100 * SECOND, 120 * SECOND)
    assert "29 samples outside the trace were left out" in imported.result.remarks


def test_a_counter_that_comes_later_is_unknown_before(tmp_path):
    records = [{"mono": 101, "vmstat": {"a": 1}}, {"mono": 102, "vmstat": {"a": 2, "b": 7}}]
    imported = import_text(TRACE, tmp_path, samples=jsonl(tmp_path / "vmstat.jsonl", records))
    assert sampled(imported, "vmstat.b") == {101 * SECOND: SAMPLE_NULL, 102 * SECOND: 7}


def test_samples_on_another_clock_are_matched_by_the_balloons_movement(tmp_path):
    work = "workqueue_execute_start: work struct 00000000aa: function update_balloon_size_func"
    trace = "".join(at(100.0 + seconds, work) for seconds in (1.0, 4.0, 9.0))
    # GIVEN counters five hours earlier, that begin to grow at the same distances
    moved = [0 if n < 11 else 256 if n < 41 else 512 if n < 91 else 768 for n in range(120)]
    records = [{"mono": 20 + n / 10, "vmstat": {"balloon_inflate": moved[n]}} for n in range(120)]
    imported = import_text(trace, tmp_path, samples=jsonl(tmp_path / "vmstat.jsonl", records))
    clock = imported.recording.notes["samples_clock"]
    assert clock["offset_s"] == pytest.approx(80.0, abs=0.11)
    assert clock["uncertainty_s"] >= 0.1


def test_samples_of_another_time_that_match_nothing_are_refused(tmp_path):
    records = [{"mono": 1 + n, "vmstat": {"balloon_inflate": 0}} for n in range(3)]
    with pytest.raises(RecordingError, match="do not overlap in time"):
        import_text(TRACE, tmp_path, samples=jsonl(tmp_path / "vmstat.jsonl", records))
    assert not (tmp_path / "out.rtrace").exists()


HOST = [
    {"mono": 2100.2, "ev": "guest_ready", "guest": '{"mono": 100.1, "real": 1795392715.0}'},
    {"mono": 2100.5, "ev": "query", "actual_mib": 1024.0, "target_mib": None},
    {"mono": 2103.0, "ev": "balloon_cmd", "target_mib": 400, "comment": "inflate"},
    {"mono": 2104.0, "ev": "query", "actual_mib": 900.0, "target_mib": 400},
    {"mono": 2110.0, "ev": "balloon_cmd", "target_mib": 600},
    {"mono": 2110.5, "ev": "qmp_event", "event": {"event": "BALLOON_CHANGE", "data": {"actual": 700 * MIB}}},
    {"mono": 2113.0, "ev": "balloon_cmd", "target_mib": 1024},
]


def test_the_hosts_clock_is_found_by_its_commands(tmp_path):
    imported = import_text(TRACE, tmp_path, host_log=jsonl(tmp_path / "qmp.jsonl", HOST))
    clock = imported.recording.notes["host_clock"]
    assert clock["offset_s"] == pytest.approx(-1999.98)
    assert clock["uncertainty_s"] == pytest.approx(0.132)
    assert any(
        "within 132 ms (3 of 3 commands" in remark and "subtract 1,999.980 s" in remark
        for remark in imported.result.remarks
    )


def test_the_hosts_sizes_become_samples_and_its_commands_a_note(tmp_path):
    imported = import_text(TRACE, tmp_path, host_log=jsonl(tmp_path / "qmp.jsonl", HOST))
    actual, target = (sampled(imported, f"host.{name}_bytes") for name in ("actual", "target"))
    assert list(actual.values()) == [size * MIB for size in (1024, 1024, 900, 900, 700, 700)]
    assert list(target.values()) == [SAMPLE_NULL, *(size * MIB for size in (400, 400, 600, 600, 1024))]
    commands = imported.recording.notes["host_commands"]
    assert commands[0] == {"time_s": pytest.approx(3.02), "target_bytes": 400 * MIB, "comment": "inflate"}
    assert len(commands) == 3
    assert imported.recording.metadata.start_utc_ns == 1795392714_900_000_000


def test_another_hosts_log_without_a_command_rests_on_the_guests_messages(tmp_path):
    records = [
        {"t": 10.5, "ev": "guest", "line": "sync 100.4 6.12.1", "reply": "ok"},
        {"t": 11.0, "ev": "actual", "bytes": 1073741824},
        {"t": 30.5, "ev": "guest", "line": "sync 120.5 end", "reply": "ok"},
    ]
    imported = import_text(TRACE, tmp_path, host_log=jsonl(tmp_path / "host.jsonl", records))
    clock = imported.recording.notes["host_clock"]
    assert clock["offset_s"] == pytest.approx(90.0)
    assert clock["uncertainty_s"] == pytest.approx(0.132)
    assert sampled(imported, "host.actual_bytes") == {101 * SECOND: 1073741824}


def test_a_hosts_log_that_nothing_places_is_refused(tmp_path):
    records = [{"mono": 5000.0, "ev": "query", "actual_mib": 1024.0}]
    with pytest.raises(RecordingError, match="can't be placed"):
        import_text(TRACE, tmp_path, host_log=jsonl(tmp_path / "qmp.jsonl", records))


def test_the_size_in_a_line_of_the_balloons_size_is_no_target(tmp_path):
    records = [
        {"t": 10.5, "ev": "guest", "line": "sync 100.4 6.12.1"},
        {"t": 13.1, "ev": "set_target", "mib": 256},
        {"t": 13.2, "ev": "actual", "bytes": 900 * MIB, "mib": 900.0},
        {"t": 13.4, "ev": "actual", "mib": 800},
    ]
    imported = import_text(TRACE, tmp_path, host_log=jsonl(tmp_path / "host.jsonl", records))
    actual, target = (list(sampled(imported, f"host.{name}_bytes").values()) for name in ("actual", "target"))
    assert actual == [SAMPLE_NULL, 900 * MIB, 800 * MIB]
    assert target == [256 * MIB] * 3


def test_a_log_of_another_run_is_refused(tmp_path):
    # GIVEN the guest's clock in a message, and commands that the trace shows nothing of
    records = [HOST[0], *({"mono": 2101.0 + 4 * n, "ev": "balloon_cmd", "target_mib": 400} for n in range(3))]
    with pytest.raises(RecordingError, match="belongs to another run: of its"):
        import_text(TRACE, tmp_path, host_log=jsonl(tmp_path / "qmp.jsonl", records))
    # THEN a trace without the balloon's events can't tell
    silent = at(100.0, "tracing_mark_write: on") + at(120.0, "mm_vmscan_kswapd_sleep: nid=0")
    assert import_text(silent, tmp_path, host_log=jsonl(tmp_path / "qmp.jsonl", records)).samples


def test_a_change_before_its_command_is_another_commands(tmp_path):
    # GIVEN a log whose message puts each of its commands a second and a half after a change in the trace
    late = [HOST[0], *({**record, "mono": record["mono"] + 1.5} for record in HOST[1:])]
    with pytest.raises(RecordingError, match="belongs to another run"):
        import_text(TRACE, tmp_path, host_log=jsonl(tmp_path / "qmp.jsonl", late))


def test_side_files_of_two_boots_are_refused(tmp_path):
    samples = [{"mono": 100.5 + n, "real": 1795392900.0 + n, "vmstat": {"a": n}} for n in range(9)]
    sides = {"samples": jsonl(tmp_path / "a.jsonl", samples), "host_log": jsonl(tmp_path / "b.jsonl", HOST)}
    with pytest.raises(RecordingError, match="from two boots, 185 s apart"):
        import_text(TRACE, tmp_path, **sides)


def test_side_files_may_be_packed_and_cut_in_their_last_line(tmp_path):
    path = tmp_path / "vmstat.jsonl.gz"
    path.write_bytes(gzip.compress(b'{"mono": 101, "vmstat": {"a": 1}}\n{"mono": 102, "vmst'))
    assert sampled(import_text(TRACE, tmp_path, samples=path), "vmstat.a") == {101 * SECOND: 1}


@pytest.mark.parametrize("name", ["samples", "host_log"])
@pytest.mark.parametrize(
    ("content", "message"),
    [
        ('{"mono": 1}\nnot json\n{"mono": 2}\n', "line 2 is not a JSON object"),
        ('{"other": 1}\n', "has no line"),
        ("", "is empty"),
        ('{"mono": 1e999, "vmstat": {"a": 1}, "actual_mib": 1, "ev": "query"}\n', "has no line"),
    ],
)
def test_side_files_that_say_nothing_are_refused(name, content, message, tmp_path):
    path = tmp_path / "side.jsonl"
    path.write_text(content)
    with pytest.raises(RecordingError, match=message):
        import_text(TRACE, tmp_path, **{name: path})
    assert not (tmp_path / "out.rtrace").exists()


TIMES = st.lists(st.integers(0, 200).map(lambda n: n * SECOND), min_size=3, max_size=12, unique=True)


@given(times=TIMES, offset=st.integers(-(10**13), 10**13), delays=st.lists(st.integers(0, 132_000_000), min_size=12))
def test_matching_finds_an_offset_to_within_what_it_says(times, offset, delays):
    # GIVEN commands, and changes that follow each of them a little later on another clock
    theirs = sorted(times)
    ours = [time + offset + delay for time, delay in zip(theirs, delays, strict=False)]
    # WHEN the offset is known roughly, as it is from a message
    found = by_matching(theirs, ours, offset + SECOND // 4, "commands")
    assert found is not None
    assert found.ns - found.uncertainty_ns <= offset <= found.ns + 20_000_000 + found.uncertainty_ns
    assert found.method.startswith(f"{len(theirs)} of {len(theirs)}")


def test_a_single_match_among_several_is_no_proof():
    assert by_matching([5 * SECOND], [SECOND, 9 * SECOND], None, "commands") is None
    assert by_matching([5 * SECOND], [9 * SECOND], None, "commands").ns == 4 * SECOND


def test_of_messages_the_quickest_counts():
    messages = Messages()
    assert by_messages(messages) is None
    for guest_ns, host_ns in ((20, 120), (20, 115), (10, 110)):
        messages.add(guest_ns, host_ns)
    assert (by_messages(messages).ns, by_messages(messages).method) == (-95, "the guest's clock in 3 of its messages")


def test_samples_lie_in_the_recording_in_the_order_of_time(tmp_path):
    trace = "".join(at(100 + n / 1000, "leak_balloon: (ffffffffc079a770) num=1") for n in range(70_000))
    records = [{"mono": 100 + n / 10, "vmstat": {"a": n}} for n in range(700)]
    imported = import_text(trace, tmp_path, samples=jsonl(tmp_path / "vmstat.jsonl", records))
    assert len(imported.samples) >= 3
    assert np.all(np.diff(np.concatenate([samples.time_ns for samples in imported.samples])) > 0)
