"""Which engine runs this container, and its flags."""

from __future__ import annotations

from pathlib import Path

import pytest
from kernel_tree import put

from tracer.kernel.balloon_fixes import balloon_requirement
from tracer.kernel.capabilities import TRACING
from tracer.kernel.container import (
    container_engine,
    grant_capabilities,
    grant_folder,
    grant_system_calls,
    leave_user_namespace,
)
from tracer.metadata import BalloonInfo

ENGINES = ("docker", "podman", "kubernetes", "systemd-nspawn", "lxc", "container")


def namespaces(root: Path, inode: int) -> None:
    """This process's namespaces; only the number of the pid namespace varies."""
    for name, number in (("pid", inode), ("user", 4026531837), ("cgroup", 4026531835)):
        link = root / "proc/self/ns" / name
        link.parent.mkdir(parents=True, exist_ok=True)
        link.symlink_to(f"{name}:[{number}]")


@pytest.fixture
def apart(tmp_path: Path) -> Path:
    """A process in a pid namespace of its own."""
    namespaces(tmp_path, 4026532999)
    return tmp_path


@pytest.mark.parametrize(
    ("path", "text", "engine"),
    [
        ("/.dockerenv", "", "docker"),
        ("/run/.containerenv", "engine=podman\n", "podman"),
        ("/var/run/secrets/kubernetes.io/serviceaccount/token", "", "kubernetes"),
        ("/run/host/container-manager", "systemd-nspawn\n", "systemd-nspawn"),
        ("/run/systemd/container", "lxc\n", "lxc"),
        ("/proc/1/environ", "PATH=/bin\0container=lxc\0", "lxc"),
        ("/proc/1/cgroup", "0::/kubepods/besteffort/pod1\n", "kubernetes"),
        ("/etc/nothing", "", "container"),
    ],
)
def test_an_engine_is_known_by_what_it_leaves(apart, path, text, engine):
    put(apart, path, text)
    assert container_engine(apart) == engine


def test_a_pods_runtime_is_not_taken_for_its_engine(apart):
    put(apart, "/.dockerenv")
    put(apart, "/var/run/secrets/kubernetes.io/serviceaccount/token")
    assert container_engine(apart) == "kubernetes"


def test_a_mark_that_an_image_left_on_a_machine_is_no_container(tmp_path):
    namespaces(tmp_path, 4026531836)
    put(tmp_path, "/.dockerenv")
    assert container_engine(tmp_path) == ""


def test_capabilities_come_in_each_engines_own_words():
    assert {engine: grant_capabilities(engine, TRACING) for engine in ENGINES} == {
        "docker": "docker run --cap-add BPF --cap-add PERFMON ...",
        "podman": "podman run --cap-add BPF --cap-add PERFMON ...",
        "kubernetes": "in the container's securityContext: capabilities: {add: [BPF, PERFMON]}",
        "systemd-nspawn": (
            'systemd-nspawn --capability=CAP_BPF,CAP_PERFMON --system-call-filter="bpf perf_event_open" ...'
        ),
        "lxc": "take bpf, perfmon out of lxc.cap.drop, or add them to lxc.cap.keep",
        "container": "start the container with CAP_BPF and CAP_PERFMON",
    }


@pytest.mark.parametrize("engine", ENGINES)
def test_every_engine_has_a_word_for_everything(engine):
    assert "/sys/kernel/tracing" in grant_folder(engine, "/sys/kernel/tracing")
    assert grant_system_calls(engine)
    assert leave_user_namespace(engine)


def test_a_balloon_device_without_its_driver_is_told_how_to_get_it(tmp_path):
    put(tmp_path, "/sys/bus/virtio/devices/virtio0/device", "0x0002\n")
    assert balloon_requirement(BalloonInfo(), tmp_path) is None
    put(tmp_path, "/sys/bus/virtio/devices/virtio3/device", "0x0005\n")
    found = balloon_requirement(BalloonInfo(), tmp_path)
    assert found is not None
    assert found.fix.endswith("modprobe virtio_balloon")
    assert not found.needed


def test_a_balloon_that_cannot_give_back_is_told_what_the_host_has_to_do(tmp_path):
    without = balloon_requirement(BalloonInfo("virtio_balloon", "virtio0", ("stats_vq",)), tmp_path)
    assert without is not None
    assert "deflate-on-oom=on" in without.fix
    assert balloon_requirement(BalloonInfo("virtio_balloon", "virtio0", ("deflate_on_oom",)), tmp_path) is None
