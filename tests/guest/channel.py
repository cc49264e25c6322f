"""Lines of JSON over a Unix socket: QEMU's monitor (QMP) and the agent in the guest."""

from __future__ import annotations

import json
import socket
import time
from pathlib import Path
from typing import Any

from .debian import LabError


class Channel:
    """A connected socket that sends and receives one JSON object a line."""

    def __init__(self, path: Path, deadline_s: float) -> None:
        self._socket = socket.socket(socket.AF_UNIX)
        self._pending = b""
        while True:
            try:
                self._socket.connect(str(path))
                return
            except OSError:
                if time.monotonic() > deadline_s:
                    raise
                time.sleep(0.02)

    def send(self, value: dict[str, Any]) -> None:
        """One object."""
        self._socket.settimeout(30)
        self._socket.sendall(json.dumps(value).encode() + b"\n")

    def receive(self, deadline_s: float) -> dict[str, Any]:
        """The next object. Raises TimeoutError at the deadline, LabError where the other side has gone."""
        while b"\n" not in self._pending:
            remaining_s = deadline_s - time.monotonic()
            if remaining_s <= 0:
                raise TimeoutError
            self._socket.settimeout(remaining_s)
            data = self._socket.recv(1 << 16)
            if not data:
                raise LabError("the machine has gone")
            self._pending += data
        line, _, self._pending = self._pending.partition(b"\n")
        value: dict[str, Any] = json.loads(line)
        return value

    def close(self) -> None:
        """Idempotent."""
        self._socket.close()


class Monitor:
    """QMP: https://www.qemu.org/docs/master/interop/qmp-spec.html"""

    def __init__(self, path: Path, timeout_s: float) -> None:
        self._channel = Channel(path, time.monotonic() + timeout_s)
        self._channel.receive(time.monotonic() + timeout_s)
        self.events: list[dict[str, Any]] = []
        self.execute("qmp_capabilities")

    def execute(self, command: str, timeout_s: float = 60, **arguments: Any) -> Any:
        """A command's `return`; events that arrive meanwhile are kept. Raises LabError where QEMU refuses."""
        self._channel.send({"execute": command, "arguments": arguments})
        deadline_s = time.monotonic() + timeout_s
        while True:
            answer = self._channel.receive(deadline_s)
            if "event" in answer:
                self.events.append(answer)
            elif "error" in answer:
                raise LabError(f"{command}: {answer['error']['desc']}")
            elif "return" in answer:
                return answer["return"]

    def close(self) -> None:
        """Idempotent."""
        self._channel.close()
