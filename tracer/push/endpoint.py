"""Where OTLP goes: the URL that somebody gave, and the headers of a file."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from ..errors import TracerError, shown

_PORTS: Final = {"http": 80, "https": 443}
_HOST: Final = re.compile(r"[A-Za-z0-9._-]{1,253}|[0-9A-Fa-f:.]{2,45}")
_PATH: Final = re.compile(r"(/[A-Za-z0-9._~!$&'()*+,;=:@%-]*)*")
_NAME: Final = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,256}")
"""As RFC 9110, 5.6.2, has names of headers."""
_OURS: Final = frozenset(
    {"connection", "content-encoding", "content-length", "content-type", "expect", "host", "te", "transfer-encoding"}
)
_MOST_BYTES: Final = 64 << 10
_FLAGS: Final = os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY
"""O_NONBLOCK: a pipe is refused, not waited for."""


@dataclass(frozen=True)
class Endpoint:
    """A server, the path below which it takes signals (without `/` at its end), and headers that every request has."""

    is_tls: bool
    host: str
    port: int
    path: str = ""
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)

    @property
    def url(self) -> str:
        """What somebody would give."""
        scheme = "https" if self.is_tls else "http"
        return f"{scheme}://{f'[{self.host}]' if ':' in self.host else self.host}:{self.port}{self.path}"


def endpoint_of(url: str) -> Endpoint:
    """What is meant by `http[s]://HOST[:PORT][/PATH]`. Raises ValueError, which says what is wrong."""
    parts = urlsplit(url)
    if parts.scheme not in _PORTS:
        raise ValueError("is not http://HOST:PORT or https://HOST:PORT, such as http://127.0.0.1:4318")
    if "@" in parts.netloc:
        raise ValueError("holds a user's name: put `Authorization: ...` into a file for --otlp-headers")
    if "?" in url or "#" in url:
        raise ValueError("has a query or a fragment: OTLP has a path only")
    port = _port(parts.port, parts.scheme)
    if not parts.hostname or not _HOST.fullmatch(parts.hostname) or not _PATH.fullmatch(parts.path):
        raise ValueError("names no host, or has characters that a URL has not")
    return Endpoint(parts.scheme == "https", parts.hostname, port, parts.path.rstrip("/"))


def _port(port: int | None, scheme: str) -> int:
    if port == 0:
        raise ValueError("has port 0, where nobody listens")
    return port or _PORTS[scheme]


def read_headers(path: Path) -> dict[str, str]:
    """Lines of `Name: value`; empty ones and those that begin with # are passed over. Raises TracerError, which never
    tells what the file holds."""
    headers: dict[str, str] = {}
    for number, line in enumerate(_text(path).split("\n"), 1):
        if not line.strip() or line.startswith("#"):
            continue
        where = f"--otlp-headers {shown(path)}, line {number}"
        name, _, value = (part.strip(" \t\r") for part in line.partition(":"))
        if not _NAME.fullmatch(name) or not value or not value.isprintable():
            raise TracerError(f"{where}: is not `Name: value` in printable ASCII")
        if name.lower() in _OURS:
            raise TracerError(f"{where}: {name} is not for others to set")
        headers[name] = value
    return headers


def _text(path: Path) -> str:
    where = f"--otlp-headers {shown(path)}"
    try:
        with os.fdopen(os.open(path, _FLAGS), "rb") as file:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                raise TracerError(f"{where}: is not a regular file")
            data = file.read(_MOST_BYTES + 1)
    except OSError as error:
        raise TracerError(f"{where}: can't be read: {error.strerror}") from error
    if len(data) > _MOST_BYTES:
        raise TracerError(f"{where}: has more than {_MOST_BYTES >> 10} KiB: these are no headers")
    try:
        return data.decode("ascii")
    except UnicodeDecodeError:
        raise TracerError(f"{where}: holds other than ASCII") from None
