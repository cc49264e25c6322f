"""Which balloon there is, and how it should give pages back."""

from __future__ import annotations

from pathlib import Path

import pytest
from kernel_tree import put

from tracer.kernel.balloon import explain_reclaim_path, feature_names, read_balloon
from tracer.metadata import BalloonInfo

VIRTIO = "/sys/bus/virtio/drivers/virtio_balloon"
NOTIFIER = "ffffffff81000040 t virtio_balloon_oom_notify\n"
OLD_NOTIFIER = "ffffffff81000040 t virtballoon_oom_notify\n"
SHRINKER = "ffffffff81000080 t virtio_balloon_shrinker_scan\n"


def virtio(root: Path, bits: str, symbols: str) -> Path:
    put(root, f"{VIRTIO}/virtio0/features", bits.ljust(64, "0") + "\n")
    put(root, "/proc/kallsyms", symbols)
    return root


@pytest.mark.parametrize(
    ("bits", "expected"),
    [
        ("011001" + "0" * 26 + "1" + "0" * 31, ("stats_vq", "deflate_on_oom", "reporting")),
        ("100110" + "0" * 58, ("must_tell_host", "free_page_hint", "page_poison")),
        ("0000000100000000000000001", ("feature_7",)),
        ("", ()),
    ],
)
def test_features_are_named_bit_0_first_and_without_the_transports(bits, expected):
    assert feature_names(bits + "\n") == expected


@pytest.mark.parametrize(
    ("symbols", "path"),
    [
        (NOTIFIER + SHRINKER, "oom_notifier"),
        (OLD_NOTIFIER, "oom_notifier"),
        (SHRINKER, "shrinker"),
        ("ffffffff81000000 T _text\n", "unknown"),
        (NOTIFIER.replace("notify", "notify.cold") + SHRINKER, "shrinker"),
    ],
)
def test_with_deflate_on_oom_the_symbols_tell_the_path(tmp_path, symbols, path):
    info = read_balloon(virtio(tmp_path, "0110", symbols))
    assert info == BalloonInfo("virtio_balloon", "virtio0", ("stats_vq", "deflate_on_oom"), path)


def test_without_deflate_on_oom_nothing_comes_back_whatever_the_symbols(tmp_path):
    info = read_balloon(virtio(tmp_path, "0101", NOTIFIER + SHRINKER))
    assert info.reclaim_path == "none"
    assert "does not offer deflate_on_oom" in explain_reclaim_path(info)


@pytest.mark.parametrize("virtio_driver", [True, False])
def test_a_module_with_the_work_function_is_a_balloon_that_only_a_recording_explains(tmp_path, virtio_driver):
    if virtio_driver:
        put(tmp_path, f"{VIRTIO}/bind")
    put(tmp_path, "/proc/kallsyms", "ffffffffc0442660 t update_balloon_size_func\t[lab_balloon]\n" + NOTIFIER)
    info = read_balloon(tmp_path)
    assert info == BalloonInfo("lab_balloon", "update_balloon_size_func", (), "unknown")
    assert "lab_balloon is known only by" in explain_reclaim_path(info)


@pytest.mark.parametrize("owner", ["", "\t[virtio_balloon]"])
def test_virtios_own_work_function_makes_no_other_balloon(tmp_path, owner):
    put(tmp_path, "/proc/kallsyms", f"ffffffffc0442660 t update_balloon_size_func{owner}\n")
    assert read_balloon(tmp_path) == BalloonInfo()


def test_a_driver_without_a_device_is_no_balloon_to_reclaim_from(tmp_path):
    put(tmp_path, f"{VIRTIO}/bind")
    put(tmp_path, "/proc/kallsyms", NOTIFIER)
    info = read_balloon(tmp_path)
    assert info == BalloonInfo("virtio_balloon")
    assert "no device" in explain_reclaim_path(info)


def test_a_machine_without_a_balloon(tmp_path):
    assert read_balloon(tmp_path) == BalloonInfo()
    assert explain_reclaim_path(BalloonInfo()) == "no balloon driver is active"


def test_hyperv_and_xen_give_nothing_back(tmp_path, tmp_path_factory):
    put(tmp_path, "/sys/bus/vmbus/drivers/hv_balloon/1eccfd72-4b41-45ef-b73a-4a6e44c12924/class_id")
    assert read_balloon(tmp_path) == BalloonInfo("hv_balloon", "1eccfd72-4b41-45ef-b73a-4a6e44c12924")
    xen = tmp_path_factory.mktemp("xen")
    put(xen, "/sys/devices/system/xen_memory/xen_memory0/target_kb")
    assert read_balloon(xen) == BalloonInfo("xen_balloon", "xen_memory0")


def test_cmm_gives_back_through_the_oom_notifier(tmp_path):
    put(tmp_path, "/sys/devices/system/cmm/cmm0/loaned_kb")
    assert read_balloon(tmp_path) == BalloonInfo("cmm", "cmm0", (), "oom_notifier")


@pytest.mark.parametrize(("switch", "path"), [("Y", "shrinker"), ("N", "none")])
def test_vmwares_shrinker_can_be_switched_off(tmp_path, switch, path):
    put(tmp_path, "/sys/module/vmw_balloon/initstate", "live")
    put(tmp_path, "/sys/module/vmw_balloon/parameters/vmwballoon_shrinker_enable", switch)
    put(tmp_path, "/proc/kallsyms", "ffffffffc0101000 t vmballoon_shrinker_scan\t[vmw_balloon]\n")
    assert read_balloon(tmp_path).reclaim_path == path
