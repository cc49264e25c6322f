"""The virtual machine: what QEMU is told, and whether KVM can be used."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from .debian import LabError
from .images import Image, cache_dir

QEMU: Final = "qemu-system-x86_64"
BALLOON_FLAGS: Final = ("deflate-on-oom", "free-page-reporting", "free-page-hint")

_EMULATED_CPU: Final = "qemu64,-cx16,+ssse3,+sse4.1,+sse4.2,+popcnt"
"""Without cmpxchg16b, whose emulation lets 6.12 crash at random; with what Python's wheels are compiled for."""
_KERNEL_OPTIONS: Final = "console=ttyS0 panic=-1 quiet loglevel=5 no_timer_check"
"""An emulated machine that does not get its CPU for some ticks fails the timer's check, and the kernel panics."""
_KVM_TRIAL_S: Final = 15
STREAM: Final = "stream"
"""A virtio port by which bytes come out of the guest, and the socket here that they come from."""


machines_replaced: Final[list[str]] = []
"""Why machines of this process were given up for new ones."""


@dataclass(frozen=True)
class Hardware:
    """What the machine has. `disk_mib` is an empty disk, `/dev/vdc`, `swap_mib` another, `/dev/vdd`, for swap.

    Nodes share the memory evenly. `compiler` is whether its root image has bcc and LLVM. `stream` adds a port, STREAM.
    `own_time` has an emulated machine's clock count what it executes, a nanosecond an instruction, so that what runs in
    it meets no time limit because the host was busy; it tells nothing of how long anything takes.
    """

    memory_mib: int = 1024
    cpus: int = 2
    nodes: int = 1
    balloon: tuple[str, ...] = ("deflate-on-oom",)
    disk_mib: int = 2048
    swap_mib: int = 1024
    append: str = ""
    compiler: bool = True
    stream: bool = False
    own_time: bool = False

    def __post_init__(self) -> None:
        if unknown := set(self.balloon) - set(BALLOON_FLAGS):
            raise LabError(f"no such balloon flag: {', '.join(sorted(unknown))}; known: {', '.join(BALLOON_FLAGS)}")


def command(image: Image, hardware: Hardware, payload: Path, folder: Path, accelerator: str) -> list[str]:
    """QEMU's command line; its sockets and the console's log are in `folder`."""
    disk, swap = _empty(folder / "disk.img", hardware.disk_mib), _empty(folder / "swap.img", hardware.swap_mib)
    return [
        *("setpriv", "--pdeathsig", "KILL"),
        *_processor(accelerator, hardware),
        *("-nodefaults", "-display", "none", "-no-reboot", "-no-user-config"),
        *("-kernel", str(image.vmlinuz), "-initrd", str(image.initrd)),
        *("-append", f"{_KERNEL_OPTIONS} {hardware.append}".strip()),
        *("-serial", f"file:{folder / 'console.log'}"),
        *("-qmp", f"unix:{folder / 'qmp'},server=on,wait=off"),
        *_memory(hardware),
        *_drive(image.root, read_only=True),
        *_drive(payload, read_only=True),
        *_drive(disk, read_only=False),
        *_drive(swap, read_only=False),
        *("-device", "virtio-serial-pci", "-chardev", f"socket,id=agent,path={folder / 'agent'},server=on,wait=off"),
        *("-device", "virtserialport,chardev=agent,name=agent"),
        *(_stream(folder) if hardware.stream else ()),
        *_balloon(hardware.balloon),
    ]


def accelerator(image: Image) -> str:
    """`kvm` where a guest's kernel really starts with it, else `tcg`; tried once after each start of this machine."""
    boot_id = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    verdict = cache_dir() / "accelerator"
    known = verdict.read_text().split() if verdict.exists() else []
    if known[:1] != [boot_id]:
        known = [boot_id, "kvm" if _kvm_works(image) else "tcg"]
        verdict.write_text(" ".join(known))
    return known[1]


def _kvm_works(image: Image) -> bool:
    """Whether a guest's kernel boots with it; without an initrd up to the root file system that it doesn't find."""
    if not os.access("/dev/kvm", os.R_OK | os.W_OK):
        return False
    with tempfile.TemporaryDirectory(prefix="guest-kvm-") as folder:
        log = Path(folder) / "console.log"
        trial = [*_processor("kvm", Hardware(cpus=1)), "-m", "256", "-nodefaults", "-display", "none", "-no-reboot"]
        boot = ["-kernel", str(image.vmlinuz), "-append", "console=ttyS0 panic=-1", "-serial", f"file:{log}"]
        try:
            subprocess.run([*trial, *boot], timeout=_KVM_TRIAL_S, capture_output=True, stdin=subprocess.DEVNULL)
        except subprocess.TimeoutExpired:
            return False
        return log.exists() and b"Unable to mount root fs" in log.read_bytes()


def why_impossible() -> str:
    """Why no guest can be run here; empty where it can."""
    if os.uname().machine != "x86_64":
        return f"the guests are x86_64, this machine is {os.uname().machine}"
    for tool in (QEMU, "mke2fs", "cpio", "apt-get", "dpkg-deb"):
        if not shutil.which(tool, path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin"):
            return f"no {tool} (`make setup-test`)"
    return ""


def _processor(accelerator: str, hardware: Hardware) -> list[str]:
    cpu = "host" if accelerator == "kvm" else _EMULATED_CPU
    # One thread for all CPUs: with one each, a CPU may still run an int3 of a static branch that another has patched
    # over by then, and the guest's kernel dies of it ("int3: 0000") whenever tracepoints are switched on or off.
    thread = ",thread=single" if accelerator == "tcg" else ""
    clock = ["-icount", "shift=0,sleep=off"] if hardware.own_time and accelerator == "tcg" else []
    return [QEMU, "-accel", accelerator + thread, "-cpu", cpu, "-smp", str(hardware.cpus), *clock]


def _memory(hardware: Hardware) -> list[str]:
    options = ["-m", f"{hardware.memory_mib}M"]
    if hardware.nodes == 1:
        return options
    for node in range(hardware.nodes):
        options += ["-object", f"memory-backend-ram,id=m{node},size={hardware.memory_mib // hardware.nodes}M"]
        options += ["-numa", f"node,nodeid={node},cpus={node},memdev=m{node}"]
    return options


def _empty(path: Path, mib: int) -> Path:
    with path.open("wb") as file:
        file.truncate(mib << 20)
    return path


def _drive(path: Path, *, read_only: bool) -> list[str]:
    flag = ",readonly=on" if read_only else ""
    return ["-drive", f"file={path},format=raw,if=virtio,cache=unsafe{flag}"]


def _stream(folder: Path) -> list[str]:
    chardev = f"socket,id={STREAM},path={folder / STREAM},server=on,wait=off"
    return ["-chardev", chardev, "-device", f"virtserialport,chardev={STREAM},name={STREAM}"]


def _balloon(flags: tuple[str, ...]) -> list[str]:
    states = ",".join(f"{flag}={'on' if flag in flags else 'off'}" for flag in BALLOON_FLAGS)
    # free-page-hint wants a thread of its own: hw/virtio/virtio-balloon.c.
    thread = ["-object", "iothread,id=hinting"] if "free-page-hint" in flags else []
    name = ",iothread=hinting" if thread else ""
    return [*thread, "-device", f"virtio-balloon-pci,id=balloon0,{states}{name}"]
