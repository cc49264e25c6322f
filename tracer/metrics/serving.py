"""Metrics at an address, over HTTP, for Prometheus to fetch."""

from __future__ import annotations

import gzip
import socket
import threading
from socketserver import TCPServer, ThreadingMixIn
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import parse_qs
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer

from prometheus_client import make_wsgi_app
from prometheus_client.core import CollectorRegistry
from prometheus_client.exposition import gzip_accepted

from ..errors import TracerError
from .printing import PrintedMetrics
from .protobuf import PROTOBUF, delimited, wants_protobuf

if TYPE_CHECKING:
    from collections.abc import Iterable
    from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

_PATIENCE_S: Final = 10.0
"""How long a client may take to ask, and to take the answer."""
_MOST_CLIENTS: Final = 8
"""At once; others wait to be accepted."""


class MetricsServer:
    """Answers from the moment it is made until it is closed, in threads of its own."""

    def __init__(self, address: str, port: int, registry: CollectorRegistry) -> None:
        """`address` is a number; port 0 is any that is free. Raises TracerError where the address can't be had."""
        shown = f"[{address}]:{port}" if ":" in address else f"{address}:{port}"
        try:
            self._server = _Server((address, port), _Handler)
        except (OSError, OverflowError) as error:
            reason = error.strerror if isinstance(error, OSError) else error
            raise TracerError(f"--metrics {shown}: can't listen there: {reason}") from error
        self._printed = PrintedMetrics(registry)
        self._server.set_app(_application(registry, self._printed))
        host, self.port = self._server.server_address[:2]
        self.url = f"http://{f'[{host!s}]' if ':' in str(host) else str(host)}:{self.port}/metrics"
        self._thread = threading.Thread(target=self._server.serve_forever, name="metrics", daemon=True)
        self._thread.start()

    def print_ahead(self) -> None:
        """The registry's metrics are new."""
        self._printed.print_ahead()

    def close(self) -> None:
        """Answer no more."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


def _application(registry: CollectorRegistry, printed: PrintedMetrics) -> WSGIApplication:
    """Answers in the format that is asked for: native histograms are had in protocol buffers only."""
    others = make_wsgi_app(registry)

    def answer(environment: WSGIEnvironment, start: StartResponse) -> Iterable[bytes]:
        accept, query = environment.get("HTTP_ACCEPT", ""), parse_qs(environment.get("QUERY_STRING", ""))
        if environment["REQUEST_METHOD"] != "GET" or "name[]" in query:
            answered: Iterable[bytes] = others(environment, start)
            return answered
        if wants_protobuf(accept):
            kind, body = PROTOBUF, delimited(registry.collect())
        else:
            kind, body = printed.fetch(accept)
        headers = [("Content-Type", kind)]
        if gzip_accepted(environment.get("HTTP_ACCEPT_ENCODING", "")):
            headers.append(("Content-Encoding", "gzip"))
            body = gzip.compress(body, compresslevel=1)
        start("200 OK", [*headers, ("Content-Length", str(len(body)))])
        return [body]

    return answer


class _Server(ThreadingMixIn, WSGIServer):
    daemon_threads = True

    def __init__(self, address: tuple[str, int], handler: type[WSGIRequestHandler]) -> None:
        self.address_family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
        self._free = threading.BoundedSemaphore(_MOST_CLIENTS)
        super().__init__(address, handler)

    def server_bind(self) -> None:
        # http.server asks a name server what this address is called, and waits for it.
        TCPServer.server_bind(self)
        self.server_name, self.server_port = self.server_address[:2]  # type: ignore[assignment]
        self.setup_environ()

    def process_request(self, request: Any, client_address: Any) -> None:  # noqa: ANN401 - as the base class has it
        self._free.acquire()
        super().process_request(request, client_address)

    def process_request_thread(self, request: Any, client_address: Any) -> None:  # noqa: ANN401 - as above
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._free.release()

    def handle_error(self, request: Any, client_address: Any) -> None:  # noqa: ANN401 - as above
        """A client that goes away in between is nothing to tell."""


class _Handler(WSGIRequestHandler):
    timeout = _PATIENCE_S

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002, ANN401 - as the base class has it
        """Requests are not told."""
