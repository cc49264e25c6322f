"""One request to an OTLP endpoint, and what came of it. Redirects are not followed, and no proxy is asked."""

from __future__ import annotations

import json
import re
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from enum import Enum
from http.client import HTTPConnection, HTTPException, HTTPResponse, HTTPSConnection
from typing import Any, Final

from .. import __version__
from ..errors import printable
from .endpoint import Endpoint

_MOST_ANSWER: Final = 64 << 10
_MOST_WORDS: Final = 200
_MOST_RETRY_S: Final = 300.0
_AGAIN: Final = frozenset({429, 502, 503, 504})
"""Retryable by OTLP's specification; every other answer below 200 or from 300 on is final."""
_SECONDS: Final = re.compile(r"[0-9]{1,9}")


class Outcome(Enum):
    """Whether a request was taken; one that was not may be, later, or never."""

    TAKEN = "taken"
    AGAIN = "again"
    REFUSED = "refused"


@dataclass(frozen=True)
class Answer:
    """What came of a request. `why` it was not taken, or not all of it; `rejected` records of one that was; the server
    wants nothing for `after_s`."""

    outcome: Outcome
    why: str = ""
    rejected: int = 0
    after_s: float = 0.0


def post(endpoint: Endpoint, path: str, body: bytes, timeout_s: float) -> Answer:
    """Send a body of JSON, and take the answer within a time. Looking up the name can take longer."""
    headers = {
        "User-Agent": f"reclaim-tracer/{__version__}",
        **endpoint.headers,
        "Content-Type": "application/json",
        "Connection": "close",
    }
    connection = _connection(endpoint, timeout_s)
    try:
        connection.connect()
        with _cut_after(connection.sock, timeout_s):
            connection.request("POST", endpoint.path + path, body, headers)
            with connection.getresponse() as response:
                return _answer(response)
    except TimeoutError:
        return Answer(Outcome.AGAIN, f"no answer within {timeout_s:.0f} s")
    except ssl.SSLError as error:
        return Answer(Outcome.AGAIN, _words(f"TLS: {error.reason or error}"))
    except OSError as error:
        return Answer(Outcome.AGAIN, _words(error.strerror or type(error).__name__).lower())
    except (HTTPException, ValueError) as error:
        return Answer(Outcome.AGAIN, f"its answer is not HTTP ({type(error).__name__})")
    finally:
        connection.close()


def _connection(endpoint: Endpoint, timeout_s: float) -> HTTPConnection:
    if endpoint.is_tls:
        context = ssl.create_default_context()
        return HTTPSConnection(endpoint.host, endpoint.port, timeout=timeout_s, context=context)
    return HTTPConnection(endpoint.host, endpoint.port, timeout=timeout_s)


@contextmanager
def _cut_after(stream: socket.socket, timeout_s: float) -> Iterator[None]:
    """A server that sends a byte now and then keeps nobody waiting: a socket's timeout counts from the last one."""

    def cut() -> None:
        with suppress(OSError):
            stream.shutdown(socket.SHUT_RDWR)

    timer = threading.Timer(timeout_s, cut)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def _answer(response: HTTPResponse) -> Answer:
    status = f"{response.status} {_words(response.reason)}".rstrip()
    if response.status in _AGAIN:
        return Answer(Outcome.AGAIN, status, after_s=_after_s(response.headers.get("Retry-After", "")))
    if not 200 <= response.status < 300:
        return Answer(Outcome.REFUSED, status)
    rejected, why = _partial(_body(response))
    return Answer(Outcome.TAKEN, _words(why), rejected)


def _body(response: HTTPResponse) -> bytes:
    """What can be had of it: by its status the request was taken, and must not come again."""
    try:
        return response.read(_MOST_ANSWER)
    except (OSError, HTTPException):
        return b""


def _after_s(told: str) -> float:
    """Seconds, or a date of HTTP; what is neither asks for nothing."""
    from datetime import UTC, datetime

    if _SECONDS.fullmatch(told):
        return min(float(told), _MOST_RETRY_S)
    try:
        date = parsedate_to_datetime(told)
        left_s = (date.replace(tzinfo=date.tzinfo or UTC) - datetime.now(UTC)).total_seconds()
    except (ValueError, OverflowError):
        return 0.0
    return min(max(left_s, 0.0), _MOST_RETRY_S)


def _partial(body: bytes) -> tuple[int, str]:
    """How many records the server has left out, and why; an answer that says nothing of it left out none."""
    try:
        told: Any = json.loads(body)["partialSuccess"]
        counts = [int(value) for key, value in told.items() if key.startswith("rejected")]
        return max(sum(counts), 0), str(told.get("errorMessage", ""))
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return 0, ""


def _words(told: str) -> str:
    return printable(told[:_MOST_WORDS])
