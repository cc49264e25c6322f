"""The options of metrics, for `record`."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Final

import typer

from ..jobs.metrics_options import OTLP_EVERY_S, MetricsOptions, OtlpOptions
from ..push.endpoint import Endpoint, endpoint_of

_ADDRESS: Final = re.compile(r"(?:(\[[0-9A-Fa-f:.]+\]|[^:\[\]]*):)?([0-9]{1,5})")
_LOOPBACK: Final = "127.0.0.1"
_MOST_PORT: Final = 65_535
_SUFFIX: Final = ".prom"
"""node_exporter's textfile collector reads no other files."""


@dataclass(frozen=True)
class Address:
    """Where to listen: an IP address, and a port, 0 for any free one."""

    host: str
    port: int


def address_of(text: str) -> Address:
    """What is meant by `ADDRESS:PORT`, `[ADDRESS]:PORT`, `:PORT` or `PORT`. Raises typer.BadParameter."""
    from ipaddress import ip_address

    match = _ADDRESS.fullmatch(text.strip())
    if match is None or int(match[2]) > _MOST_PORT:
        raise typer.BadParameter(f"{text!r} is not ADDRESS:PORT: give 127.0.0.1:9464, [::1]:9464, or only a port")
    host = (match[1] or "").strip("[]")
    if host in ("", "localhost"):
        return Address(_LOOPBACK, int(match[2]))
    try:
        return Address(str(ip_address(host)), int(match[2]))
    except ValueError:
        raise typer.BadParameter(f"{text!r}: {host} is no IP address; a port alone is on {_LOOPBACK}") from None


def _endpoint(text: str) -> Endpoint:
    """Raises typer.BadParameter; a URL that holds a password is not told again."""
    try:
        return endpoint_of(text)
    except ValueError as error:
        raise typer.BadParameter(f"the URL {error}") from None


Metrics = Annotated[
    Address | None,
    typer.Option(
        "--metrics",
        metavar="ADDRESS:PORT",
        parser=address_of,
        help="Answer Prometheus there while it records; without ADDRESS on loopback, port 0 is any free one.",
        show_default=False,
    ),
]
MetricsFile = Annotated[
    Path | None,
    typer.Option(
        "--metrics-file",
        metavar="FILE.prom",
        help="Write metrics for node_exporter's textfile collector, every 5 s.",
        show_default=False,
    ),
]
Otlp = Annotated[
    Endpoint | None,
    typer.Option(
        "--otlp",
        metavar="URL",
        parser=_endpoint,
        help="Send metrics, episodes and findings to an OTLP/HTTP endpoint (http://127.0.0.1:4318).",
        show_default=False,
    ),
]
OtlpHeaders = Annotated[
    Path | None,
    typer.Option(
        "--otlp-headers",
        metavar="FILE",
        help="Headers for --otlp, one `Name: value` a line, such as a token.",
        show_default=False,
    ),
]
OtlpInterval = Annotated[
    float,
    typer.Option("--otlp-interval", metavar="SECONDS", min=1.0, max=3600.0, help="How often --otlp sends metrics."),
]


@dataclass(frozen=True)
class MetricsGroup:
    """Where metrics of what is recorded go."""

    metrics: Metrics = None
    metrics_file: MetricsFile = None
    otlp: Otlp = None
    otlp_headers: OtlpHeaders = None
    otlp_interval: OtlpInterval = OTLP_EVERY_S

    def wishes(self) -> MetricsOptions | None:
        """None where none are wanted. Raises TracerError where the library for them is missing."""
        if self.otlp is None and self.otlp_headers is not None:
            raise typer.BadParameter("--otlp-headers needs --otlp URL")
        if self.metrics is None and self.metrics_file is None and self.otlp is None:
            return None
        from importlib.util import find_spec

        from ..errors import TracerError

        if self.metrics_file is not None and self.metrics_file.suffix != _SUFFIX:
            raise typer.BadParameter(f"--metrics-file {str(self.metrics_file)!r}: its name must end in {_SUFFIX}")
        if find_spec("prometheus_client") is None:
            extra = "otlp" if self.otlp else "metrics"
            raise TracerError(f"prometheus-client is not installed: pip install 'reclaim-tracer[{extra}]'")
        return MetricsOptions(
            address=self.metrics.host if self.metrics else None,
            port=self.metrics.port if self.metrics else 0,
            file=self.metrics_file,
            otlp=OtlpOptions(self.otlp, self.otlp_headers, self.otlp_interval) if self.otlp else None,
        )
