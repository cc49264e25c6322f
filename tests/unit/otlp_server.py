"""A real HTTP server on loopback that takes OTLP, or answers as a test says."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

PATIENCE_S = 30.0


@dataclass(frozen=True)
class Asked:
    path: str
    headers: dict[str, str]
    body: bytes


@dataclass
class Taking:
    """`answers` are used up first, as (status, headers, body); then all is taken. `asked` are all requests."""

    port: int = 0
    answers: list[tuple[int, dict[str, str], bytes]] = field(default_factory=list)
    asked: list[Asked] = field(default_factory=list)
    changed: threading.Condition = field(default_factory=threading.Condition)
    hold: threading.Event | None = None

    def wait_for(self, found: Callable[[list[Asked]], Any]) -> None:
        with self.changed:
            assert self.changed.wait_for(lambda: found(self.asked), PATIENCE_S), self.asked

    def of(self, signal: str) -> list[bytes]:
        return [one.body for one in self.asked if one.path == f"/v1/{signal}"]


@contextmanager
def taking(*answers: tuple[int, dict[str, str], bytes], port: int = 0) -> Iterator[Taking]:
    told = Taking(answers=[*answers])

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            with told.changed:
                told.asked.append(Asked(self.path, {name.lower(): value for name, value in self.headers.items()}, body))
                status, headers, answer = told.answers.pop(0) if told.answers else (200, {}, b"{}")
                told.changed.notify_all()
            if told.hold:
                told.hold.wait(PATIENCE_S)
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *_: object) -> None:
            pass

    with _Server(("127.0.0.1", port), Handler) as server:
        told.port = server.server_address[1]
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        thread.start()
        try:
            yield told
        finally:
            server.shutdown()
            thread.join()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False

    def handle_error(self, request: Any, client_address: Any) -> None:
        pass


@contextmanager
def saying(words: bytes) -> Iterator[int]:
    """The port of a server that answers with these bytes, again and again until the client has gone."""
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def serve() -> None:
            while True:
                try:
                    client, _ = listening.accept()
                except OSError:
                    return
                with client:
                    client.recv(1 << 16)
                    try:
                        while True:
                            client.sendall(words)
                            if not words.startswith(b"HTTP/1.1 100"):
                                break
                    except OSError:
                        pass

        threading.Thread(target=serve, daemon=True).start()
        try:
            yield listening.getsockname()[1]
        finally:
            listening.shutdown(socket.SHUT_RDWR)


def free_port() -> int:
    """One where nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        return int(taken.getsockname()[1])
