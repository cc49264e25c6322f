"""The guest's process 1: does over a virtio port what the host asks for, one JSON object a line each way.

Every request is answered at once; what takes time is started, asked after and ended by its process number. Locked into
memory, so that it answers also where nothing else runs any more.
"""

from __future__ import annotations

import base64
import ctypes
import json
import os
import select
import signal
import sys
import time
from pathlib import Path

PORT_NAME = "agent"
MODULES = Path("/run/modules")
_MCL_CURRENT = 1  # include/uapi/asm-generic/mman.h


class Agent:
    """Requests and the processes started by them. A process' output goes to `/tmp/PID.out` and `/tmp/PID.err`."""

    def __init__(self) -> None:
        self._statuses: dict[int, int] = {}

    def answer(self, request: dict) -> dict:
        operation = getattr(self, f"do_{request['do']}", None)
        if operation is None:
            return {"error": f"no such request: {request['do']}"}
        try:
            return {"value": operation(**request.get("with", {}))}
        except Exception as error:  # noqa: BLE001 - whatever it was belongs to whoever asked
            return {"error": f"{type(error).__name__}: {error}"}

    def do_clock(self) -> dict:
        """The guest's clocks now, in nanoseconds."""
        clocks = {"monotonic": time.CLOCK_MONOTONIC, "boottime": time.CLOCK_BOOTTIME, "realtime": time.CLOCK_REALTIME}
        return {name: time.clock_gettime_ns(number) for name, number in clocks.items()}

    def do_start(self, argv: list, cgroup: str = "", oom_score_adj: int = 0) -> int:
        """Run a command; `load NAME ARGUMENTS` without exec, from `loads.py`. Its process number."""
        pid = os.fork()
        if pid == 0:
            try:
                _become(argv, cgroup, oom_score_adj)
            except BaseException as error:  # noqa: BLE001 - a child must never go back into the agent's loop
                os.write(2, f"{type(error).__name__}: {error}\n".encode())
            finally:
                os._exit(127)
        for name in ("out", "err"):
            Path(f"/tmp/{pid}.{name}").touch()
        return pid

    def do_status(self, pid: int) -> int | None:
        """Exit status, minus the signal's number where one ended it, None while it runs."""
        self.reap()
        return self._statuses.get(pid)

    def do_signal(self, pid: int, number: int) -> None:
        if pid not in self._statuses:
            os.kill(pid, number)

    def do_read(self, path: str, offset: int = 0, length: int = 65536) -> str:
        """At most `length` bytes of a file, as base64."""
        with Path(path).open("rb") as file:
            file.seek(offset)
            return base64.b64encode(file.read(length)).decode()

    def do_write(self, path: str, data: str, append: bool = False) -> None:
        with Path(path).open("ab" if append else "wb") as file:
            file.write(base64.b64decode(data))

    def do_size(self, path: str) -> int:
        """A file's size in bytes, -1 where there is none."""
        return Path(path).stat().st_size if Path(path).exists() else -1

    def do_counters(self, path: str = "/proc/vmstat") -> dict:
        """A file of names and numbers: /proc/vmstat, /proc/meminfo (kB), memory.stat."""
        rows = (line.replace(":", " ").split() for line in Path(path).read_text().splitlines())
        return {row[0]: int(row[1]) for row in rows if len(row) > 1 and row[1].lstrip("-").isdigit()}

    def do_load_module(self, path: str, parameters: str = "") -> None:
        """finit_module(2); `virtio_balloon` and the like are in /run/modules."""
        name = path if "/" in path else str(MODULES / f"{path}.ko")
        with Path(name).open("rb") as file:
            libc = ctypes.CDLL(None, use_errno=True)
            if libc.syscall(313, file.fileno(), parameters.encode(), 0):
                raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()), name)

    def do_unload_module(self, name: str) -> None:
        """delete_module(2)."""
        libc = ctypes.CDLL(None, use_errno=True)
        if libc.syscall(176, name.encode(), os.O_NONBLOCK):
            raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()), name)

    def reap(self) -> None:
        """Collect ended children, adopted ones too."""
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            self._statuses[pid] = os.waitstatus_to_exitcode(status)


def _become(argv: list, cgroup: str, oom_score_adj: int) -> None:
    os.setsid()
    signal.set_wakeup_fd(-1)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    for number, name in ((1, "out"), (2, "err")):
        os.dup2(os.open(f"/tmp/{os.getpid()}.{name}", os.O_WRONLY | os.O_CREAT | os.O_TRUNC), number)
    os.dup2(os.open("/dev/null", os.O_RDONLY), 0)
    os.closerange(3, 64)
    Path("/proc/self/oom_score_adj").write_text(str(oom_score_adj))
    if cgroup:
        folder = Path("/sys/fs/cgroup") / cgroup
        folder.mkdir(exist_ok=True)
        (folder / "cgroup.procs").write_text("0")
    if argv[0] != "load":
        os.execvp(argv[0], argv)
    import loads

    Path("/proc/self/comm").write_text(argv[1])
    loads.LOADS[argv[1]](*argv[2:])
    os._exit(0)


def find_port() -> Path:
    """The virtio port of our name; raises OSError where there is none after some seconds."""
    for _ in range(100):
        for place in Path("/sys/class/virtio-ports").glob("*"):
            if (place / "name").read_text().strip() == PORT_NAME:
                return Path("/dev") / place.name
        time.sleep(0.1)
    raise OSError("no virtio port for the agent")


def serve(port: int, agent: Agent) -> None:
    """Answer requests until the machine goes off."""
    pending = b""
    while True:
        select.select([port], [], [], 1.0)
        agent.reap()
        try:
            data = os.read(port, 65536)
        except BlockingIOError:
            continue
        if not data:
            time.sleep(0.02)  # nobody is connected on the host's side
            continue
        *lines, pending = (pending + data).split(b"\n")
        for line in filter(None, lines):
            request = json.loads(line)
            send(port, {"id": request["id"], **agent.answer(request)})


def send(port: int, value: dict) -> None:
    data = json.dumps(value).encode() + b"\n"
    while data:
        try:
            data = data[os.write(port, data) :]
        except BlockingIOError:
            select.select([], [port], [], 1.0)


def main() -> None:
    """Set up process 1 and serve."""
    sys.path.insert(0, str(Path(__file__).parent))
    import loads  # noqa: F401 - now, while there is memory

    Path("/proc/self/oom_score_adj").write_text("-1000")
    ctypes.CDLL(None, use_errno=True).mlockall(_MCL_CURRENT)
    os.open("/dev/vdc", os.O_RDONLY)  # a disk that nobody has open any more loses its page cache
    port = os.open(find_port(), os.O_RDWR | os.O_NONBLOCK)
    send(port, {"id": 0, "value": "ready"})
    serve(port, Agent())


if __name__ == "__main__":
    main()
