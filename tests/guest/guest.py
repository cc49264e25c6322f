"""A running guest: booted, driven over QMP and the agent, always ended, its console kept for who asks what happened."""

from __future__ import annotations

import base64
import re
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final, Self

from .channel import Channel, Monitor
from .debian import LabError
from .discards import EVENT, discards_of
from .images import INSIDE, ROOT, Image, compile_python, image, make_filesystem
from .kernels import KERNELS, Kernel
from .machine import STREAM, Hardware, accelerator, command, machines_replaced

BOOT_S: Final = 240
"""Generous, as all that is waited for here: it takes 6 to 10 s where nothing else wants the machine."""
_START_S: Final = 60
_END_S: Final = 2
MIB: Final = 1 << 20
TRACER_LIBRARY: Final = ("tracer", "bpf", "reports")
_CONSOLE_LINES: Final = 40
_POLL_S: Final = 0.05
_KERNEL_DIED: Final = re.compile("Kernel panic(?! - not syncing: System is deadlocked on memory)|BUG:|Oops")
"""Perhaps of what the tracer did to it. A deadlock on memory is the emulated machine's: the kernel gives a victim up
that has not let go of its memory within a second (MAX_OOM_REAP_RETRIES in mm/oom_kill.c), and looks for another, where
there is none but the lab's agent. Where the host is busy a victim takes longer than that to exit."""


class GuestError(LabError):
    """A guest did not do what was asked in time; the message ends with its console's last lines."""


class MachineError(GuestError):
    """The machine itself failed, and not in what its guest ran: it did not boot, QEMU ended without a word of it, or it
    was too slow for its kernel."""


class Guest:
    """A booted machine with this checkout's tracer in it. Use it as a context manager; nothing of it outlives it.

    `files` maps places below `/payload/files` to files or folders of the host's.
    """

    def __init__(
        self,
        kernel: str | Kernel,
        hardware: Hardware | None = None,
        files: dict[str, Path] | None = None,
        *,
        balloon_module: bool = True,
        boot_s: float = BOOT_S,
    ) -> None:
        self.hardware = hardware or Hardware()
        self._boot_s = boot_s
        chosen = KERNELS[kernel] if isinstance(kernel, str) else kernel
        self.image: Image = image(chosen, compiler=self.hardware.compiler)
        self.folder = Path(tempfile.mkdtemp(prefix="guest-"))
        self._process: subprocess.Popen[bytes] | None = None
        self._request = 0
        self._output = (self.folder / "qemu.log").open("wb")
        try:
            self._boot_in_the_end(self._payload(files or {}))
            if balloon_module:
                self.ask("load_module", path="virtio_balloon")
        except BaseException:
            self.close()
            raise

    def ask(self, what: str, timeout_s: float = 120, **arguments: Any) -> Any:
        """A request's answer. Raises GuestError where the guest refuses, is silent for so long, or has died."""
        self._request += 1
        deadline_s = time.monotonic() + timeout_s
        try:
            self._agent.send({"id": self._request, "do": what, "with": arguments})
            while (answer := self._agent.receive(deadline_s))["id"] != self._request:
                pass
        except (TimeoutError, OSError, LabError) as error:
            raise self.error(f"no answer to {what} in {timeout_s:g} s ({error or 'silence'})") from None
        if "error" in answer:
            raise self.error(f"{what} {arguments.get('path', '')}: {answer['error']}")
        return answer["value"]

    def start(self, *argv: str, cgroup: str = "", oom_score_adj: int = 0) -> int:
        """Run a command in the guest and go on; its process number. `load NAME ...` is one of `inside/loads.py`."""
        return int(self.ask("start", argv=list(argv), cgroup=cgroup, oom_score_adj=oom_score_adj))

    def finish(self, pid: int, timeout_s: float = 60) -> int:
        """Wait for a started command; its exit status, negative where a signal ended it."""
        return int(self.until(lambda: self.ask("status", pid=pid), timeout_s, f"process {pid} to end"))

    def run(self, *argv: str, timeout_s: float = 60, oom_score_adj: int = 0) -> str:
        """Run a command to its end; what it printed. Raises GuestError where it fails."""
        pid = self.start(*argv, oom_score_adj=oom_score_adj)
        status = self.finish(pid, timeout_s)
        if status:
            raise self.error(f"{shlex.join(argv)} ended with {status}: {self.errors(pid)[-2000:]}")
        return self.output(pid)

    def shell(self, text: str, timeout_s: float = 60) -> str:
        """A shell command's output."""
        return self.run("sh", "-c", text, timeout_s=timeout_s)

    def kill(self, pid: int, number: int = signal.SIGKILL) -> None:
        """Send a signal to a started command; nothing where it has ended."""
        self.ask("signal", pid=pid, number=int(number))

    def output(self, pid: int) -> str:
        """What a started command has printed so far."""
        return self.read(f"/tmp/{pid}.out").decode(errors="replace")

    def errors(self, pid: int) -> str:
        """What it has written to standard error so far."""
        return self.read(f"/tmp/{pid}.err").decode(errors="replace")

    def read(self, path: str) -> bytes:
        """A file's content."""
        parts: list[bytes] = []
        while True:
            part = base64.b64decode(self.ask("read", path=path, offset=sum(map(len, parts)), length=1 << 18))
            parts.append(part)
            if len(part) < 1 << 18:
                return b"".join(parts)

    def fetch(self, path: str, target: Path) -> None:
        """Copy a file out of the guest."""
        target.write_bytes(self.read(path))

    def write(self, path: str, data: bytes) -> None:
        """Make a file in the guest; the root is read-only, `/tmp`, `/mnt` and `/run` are not."""
        for start in range(0, max(1, len(data)), 1 << 16):
            part = base64.b64encode(data[start : start + (1 << 16)]).decode()
            self.ask("write", path=path, data=part, append=start > 0)

    def counters(self, path: str = "/proc/vmstat") -> dict[str, int]:
        """/proc/vmstat, /proc/meminfo (kB), memory.stat... by name."""
        values: dict[str, int] = self.ask("counters", path=path)
        return values

    def until(self, condition: Callable[[], Any], timeout_s: float, what: str) -> Any:
        """The condition's first value that is neither None nor False. Raises GuestError after so long."""
        deadline_s = time.monotonic() + timeout_s
        while (value := condition()) is None or value is False:
            if time.monotonic() > deadline_s:
                raise self.error(f"waited {timeout_s:g} s for {what}")
            time.sleep(_POLL_S)
        return value

    def stream(self) -> tuple[str, socket.socket]:
        """The device to write to in the guest, and where that comes out."""
        (name,) = self.shell(f"grep -lx {STREAM} /sys/class/virtio-ports/*/name").split()
        outside = socket.socket(socket.AF_UNIX)
        outside.connect(str(self.folder / STREAM))
        return f"/dev/{Path(name).parent.name}", outside

    def balloon_bytes(self) -> int:
        """The memory the host lets the guest have, as QEMU counts it: total minus balloon."""
        return int(self.monitor.execute("query-balloon")["actual"])

    def resident_mib(self) -> int:
        """Memory that the machine takes of its host's: what the guest reports as free is given back."""
        assert self._process is not None
        status = Path(f"/proc/{self._process.pid}/status").read_text()
        return int(re.search(r"VmRSS:\s+(\d+) kB", status)[1]) // 1024

    def note_discards(self) -> None:
        """Have QEMU write down what it gives back of the machine's memory, from now on."""
        self.monitor.execute("trace-event-set-state", name=EVENT, enable=True)

    def discards(self) -> tuple[int, ...]:
        """Pages of each piece that it wrote down so far."""
        return discards_of(self._said())

    def driver_counters(self) -> dict[str, int]:
        """What the balloon's driver counted itself since it was loaded; nothing where it tells nothing."""
        return {}

    def set_target(self, mib: int) -> None:
        """The host's target for the guest's memory (not the balloon's size)."""
        self.monitor.execute("balloon", value=mib * MIB)

    def console(self) -> str:
        """What the kernel has said."""
        try:
            return (self.folder / "console.log").read_text(errors="replace")
        except OSError:
            return ""

    def error(self, what: str) -> GuestError:
        """An error that carries what is known of the guest."""
        tail = "\n".join(self.console().splitlines()[-_CONSOLE_LINES:])
        said = "\n".join(self._said().splitlines()[-_CONSOLE_LINES:])
        ended = self._has_ended()
        state = " (QEMU has ended)" if ended else ""
        kind = MachineError if ended and not _KERNEL_DIED.search(self.console()) else GuestError
        return kind(f"guest {self.image.release}{state}: {what}\n{said}\n--- console ---\n{tail}")

    def power_cut(self) -> None:
        """End the machine under whoever talks to it, who is left to `close` it."""
        if self._process is not None:
            self._process.kill()

    def close(self) -> None:
        """End the machine and remove its files; idempotent."""
        self._power_off()
        self._output.close()
        shutil.rmtree(self.folder, ignore_errors=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _said(self) -> str:
        """What QEMU has."""
        return (self.folder / "qemu.log").read_text(errors="replace") if self.folder.exists() else ""

    def _boot_in_the_end(self, payload: Path) -> None:
        """Boot; once more, and that is said, where the machine does not come up: nothing of ours has run in it yet."""
        try:
            self._boot(payload)
        except MachineError as error:
            say_again(error)
            self._power_off()
            self._boot(payload)

    def _has_ended(self) -> bool:
        """Whether QEMU has; its sockets close a moment before it can be waited for."""
        try:
            return self._process is not None and self._process.wait(_END_S) is not None
        except subprocess.TimeoutExpired:
            return False

    def _power_off(self) -> None:
        for name in ("monitor", "_agent"):
            if channel := self.__dict__.pop(name, None):
                channel.close()
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None
        for name in ("qmp", "agent", STREAM):
            (self.folder / name).unlink(missing_ok=True)

    def _boot(self, payload: Path) -> None:
        self.accelerator = accelerator(self.image)
        options = command(self.image, self.hardware, payload, self.folder, self.accelerator)
        self._process = subprocess.Popen(options, stdin=subprocess.DEVNULL, stdout=self._output, stderr=self._output)
        try:
            self.monitor = Monitor(self.folder / "qmp", _START_S)
            self._agent = Channel(self.folder / "agent", time.monotonic() + _START_S)
            self._agent.receive(time.monotonic() + self._boot_s)
        except (OSError, TimeoutError, LabError) as error:
            said = self.error(f"did not boot in {self._boot_s:g} s ({error or 'silence'})")
            raise MachineError(str(said)) from None

    def _payload(self, files: dict[str, Path]) -> Path:
        tree = self.folder / "payload"
        tree.mkdir()
        unwanted = shutil.ignore_patterns("__pycache__", "*.html", "*.js", "*.css", "*.png")
        for name in TRACER_LIBRARY:
            shutil.copytree(ROOT / name, tree / name, ignore=unwanted)
        shutil.copytree(INSIDE, tree / "inside", ignore=unwanted)
        (tree / "start.sh").write_text((INSIDE / "start.sh").read_text())
        (tree / "bin").mkdir()
        (tree / "bin/reclaim-tracer").write_text('#!/bin/sh\nexec python3 -S -m tracer "$@"\n')
        for script in ("start.sh", "bin/reclaim-tracer"):
            (tree / script).chmod(0o755)
        (tree / "files").mkdir()
        for place, source in files.items():
            target = tree / "files" / place
            target.parent.mkdir(parents=True, exist_ok=True)
            _copy(source, target)
        for folder in ("tracer", "inside"):
            compile_python(self.image.tree, self.image.kernel.system, tree / folder, f"/payload/{folder}")
        make_filesystem(tree, self.folder / "payload.img", spare_mib=2)
        shutil.rmtree(tree)
        return self.folder / "payload.img"


def say_again(error: MachineError) -> None:
    """That something was tried twice must not stay unsaid: tests say it at their end, too."""
    machines_replaced.append(str(error))
    print(f"guests: once more on a new machine, because of\n{error}", file=sys.stderr, flush=True)


def _copy(source: Path, target: Path) -> None:
    if source.is_dir():
        shutil.copytree(source, target)
    else:
        shutil.copy(source, target)


def guest_argv(text: Sequence[str]) -> list[str]:
    """What `boot -- ...` runs: a shell command in one piece, or a command and its arguments."""
    return ["sh", "-c", text[0]] if len(text) == 1 else list(text)
