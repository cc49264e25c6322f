"""Probe events on the balloon driver's functions, whatever their authors called them."""

import pytest
from import_cases import import_text

from tracer.errors import UsageError
from tracer.schema import DEFLATE, INFLATE, UNKNOWN_DIRECTION

RETURN = "ffffffffc0899f60 <- ffffffffc089a672"


def line(text, task="kworker/0:1-7", time="1.000001"):
    return f"{task:>20}  [000] .....  {time}: {text.replace('RETURN', RETURN)}\n"


@pytest.mark.parametrize(
    ("text", "kind", "args"),
    [
        # By name, decorated in every usual way; the location is a bare address.
        ("leak_balloon: (ffffffffc079b030) num=128", "leak_balloon_begin", {"num": 128}),
        ("p_leak_balloon_0: (ffffffffc079b030) num=0x80", "leak_balloon_begin", {"num": 128}),
        ("probe:leak_balloon: (ffffffffc079b030) num=128", "leak_balloon_begin", {"num": 128}),
        ("kprobes:p_leak_balloon_0: (ffffffffc079b030) num=128", "leak_balloon_begin", {"num": 128}),
        ("balloon:leak_balloon_1: (ffffffffc079b030) num=128", "leak_balloon_begin", {"num": 128}),
        ("leak_balloon_entry: (ffffffffc079b030) num=128", "leak_balloon_begin", {"num": 128}),
        ("r_leak_balloon_0: (RETURN) freed=256", "leak_balloon_end", {"freed": 256}),
        ("leak_balloon_ret: (RETURN) done=256", "leak_balloon_end", {"freed": 256}),
        ("probe:leak_balloon__return: (RETURN) ret=0x100", "leak_balloon_end", {"freed": 256}),
        ("leak_balloon_exit: (RETURN) retval=7", "leak_balloon_end", {"freed": 7}),
        ("oom_notify_ret: (ffffffffc089a640 <- ffffffffa70d2fdc) ret=1", "oom_notify_end", {"retval": 1}),
        ("shrinker_scan: (ffffffffc079b2b0) nr_to_scan=128", "balloon_shrinker_begin", {"nr_to_scan": 128}),
        ("config_changed: (ffffffffc079a770)", "virtballoon_changed", {}),
        ("fill_balloon_ret: (RETURN) filled=256", "fill_balloon_end", {"filled": 256}),
        ("migratepage: (ffffffffc079a770)", "virtballoon_migratepage", {}),
        ("oom_notify: (ffffffffc089a640)", "oom_notify_begin", {"cb": "virtio_balloon_oom_notify"}),
        ("leak_balloon_begin: (ffffffffc079b030) num=128", "leak_balloon_begin", {"num": 128}),
        ("leak_balloon_end: (RETURN) freed=256", "leak_balloon_end", {"freed": 256}),
        ("rp_leak_balloon: (RETURN) freed=256", "leak_balloon_end", {"freed": 256}),
        ("kretprobe__leak_balloon: freed=256", "leak_balloon_end", {"freed": 256}),
        ("kprobes:p_virtio_balloon_leak_balloon_0: (ffffffffc079b030) num=1", "leak_balloon_begin", {"num": 1}),
        ("r_leak_balloon_constprop_0_0: (RETURN) ret=9", "leak_balloon_end", {"freed": 9}),
        ("config_changed: __probe_ip=ffffffffc079a770", "virtballoon_changed", {}),
        # By location, whatever the name.
        ("x7: (virtio_balloon:leak_balloon+0x4/0x2a0) num=1", "leak_balloon_begin", {"num": 1}),
        ("x7: (leak_balloon+0x4/0x2a0 [virtio_balloon 0123456789abcdef]) num=1", "leak_balloon_begin", {"num": 1}),
        ("leak: (leak_balloon+0x4/0x2a0 [virtio_balloon]) num=256", "leak_balloon_begin", {"num": 256}),
        ("x7: (virtio_balloon_shrinker_scan+0x4/0x40 [virtio_balloon])", "balloon_shrinker_begin", {}),
        ("x7: (leak_balloon.constprop.0+0x0/0x2a0 [virtio_balloon]) num=1", "leak_balloon_begin", {"num": 1}),
        ("x: (do_shrink_slab+0x1/0x3 <- virtio_balloon_shrinker_scan) freed=24", "balloon_shrinker_end", {"freed": 24}),
        ("x: (virtio_balloon_oom_notify+0x34/0xa0 [vb] <- leak_balloon) done=256", "leak_balloon_end", {"freed": 256}),
        ("x: (leak_balloon+0x0/0x28 <- virtio_balloon_oom_notify+0x34/0xa0) arg1=3", "leak_balloon_end", {"freed": 3}),
        ("n: (cmm_oom_notify+0x4/0xa0 [cmm])", "oom_notify_begin", {"cb": "cmm_oom_notify"}),
        ("p: (virtballoon_migratepage+0x4/0xa0 [virtio_balloon])", "virtballoon_migratepage", {}),
        # perf's inlined functions: the name tells, the location is in the middle of the caller.
        ("probe:fill_balloon: (update_balloon_size_func+0x123/0x350 [vb]) num=25", "fill_balloon_begin", {"num": 25}),
        # Without any location.
        ("leak_balloon_ret: freed=5", "leak_balloon_end", {"freed": 5}),
    ],
)  # fmt: skip
def test_functions_are_recognised(text, kind, args, tmp_path):
    [event] = import_text(line(text), tmp_path).of(kind)
    assert event.args == args


@pytest.mark.parametrize(
    "text",
    [
        "update_balloon_size: (ffffffffc079a230) num_pages=256",
        "x: (leak_balloon+0x50/0x2a0 [virtio_balloon])",
        "oom_kill: (oom_kill_process+0x0/0x180)",
        "tell_host_ret: (RETURN)",
        "leaky: (ffffffffc079b030) num=1",
        "mem_cgroup_out_of_memory: (ffffffffc079b030)",
    ],
)
def test_functions_that_only_look_alike_are_not(text, tmp_path):
    known = line("leak_balloon: (ffffffffc079b030) num=128")
    imported = import_text(known + line(text), tmp_path)
    assert imported.kinds[0] == "leak_balloon_begin"
    assert sum(imported.result.unknown.values()) == 1


def test_a_name_can_be_mapped_by_hand(tmp_path):
    text = line("balloon:gives: (ffffffffc079b030) num=9") + line("back: (RETURN) freed=9")
    imported = import_text(text, tmp_path, mapping={"gives": "leak_balloon_begin", "back": "leak_balloon_end"})
    assert [(event.kind, event.args) for event in imported.events] == [
        ("leak_balloon_begin", {"num": 9}),
        ("leak_balloon_end", {"freed": 9}),
    ]


def test_a_mapping_to_no_kind_is_refused(tmp_path):
    with pytest.raises(UsageError, match="no such kind"):
        import_text(line("x: (ffffffffc079b030)"), tmp_path, mapping={"x": "nonsense"})
    assert not (tmp_path / "out.rtrace").exists()


def test_a_mapping_beats_the_table(tmp_path):
    text = line("leak_balloon: (ffffffffc079b030) num=9")
    assert import_text(text, tmp_path, mapping={"leak_balloon": "fill_balloon_begin"}).kinds == ["fill_balloon_begin"]


@pytest.mark.parametrize(("vq", "direction"), [("0", INFLATE), ("1", DEFLATE), ("2", UNKNOWN_DIRECTION)])
def test_a_queues_number_tells_its_direction(vq, direction, tmp_path):
    [event] = import_text(line(f"tell_host: (ffffffffc0899140) vq={vq} num_pfns=256"), tmp_path).events
    assert (event.args["direction"], event.args["num_pfns"]) == (direction, 256)


def test_the_queue_told_inside_a_leak_is_the_deflate_queue_everywhere(tmp_path):
    # GIVEN addresses of queues, the first of them told long before the leak that explains them
    inflate, deflate = "vq=0xff1de50a3ff46100", "vq=0xff1de50a3ff46b00"
    text = (
        line(f"tell_host: (ffffffffc0899140) {inflate}", time="1.000001")
        + line("oom_notify: (ffffffffc089a640)", task="hog-9", time="2.000001")
        + line("leak_balloon: (ffffffffc0899f60) num=256", task="hog-9", time="2.000002")
        + line(f"tell_host: (ffffffffc0899140) {deflate}", task="hog-9", time="2.000003")
        + line("update_balloon_size_func: (ffffffffc0899f61)", time="3.000001")
        + line(f"tell_host: (ffffffffc0899140) {deflate}", time="3.000002")
        + line(f"tell_host: (ffffffffc0899140) {inflate}", time="3.000003")
    )
    tells = import_text(text, tmp_path).of("tell_host")
    assert [event.args["direction"] for event in tells] == [INFLATE, DEFLATE, DEFLATE, INFLATE]


def test_a_queue_that_nothing_explains_has_no_direction(tmp_path):
    [event] = import_text(line("tell_host: (ffffffffc0899140) vq=0xff1de50a3ff46100"), tmp_path).events
    assert event.args["direction"] == UNKNOWN_DIRECTION


def test_a_run_of_hinting_is_known_by_its_function_and_its_pages_are_not(tmp_path):
    imported = import_text(line("hints: (report_free_page_func+0x4/0x130 [virtio_balloon])") * 2, tmp_path)
    assert [event.kind for event in imported.events] == ["report_free_page"] * 2
    absent = imported.recording.metadata.absent_fields["report_free_page"]
    assert absent == ("hinted_pages", "returned_pages", "cmd_id")


def test_functions_that_are_no_kind_are_counted_and_enough_for_an_import(tmp_path):
    text = line("returned: (return_free_pages_to_mm+0x4/0x130 [virtio_balloon]) num=32") * 9
    imported = import_text(text, tmp_path)
    assert imported.events == []
    assert imported.recording.notes["import"]["counted"] == {"return_free_pages_to_mm": 9}
