"""Whose telemetry it is, by OpenTelemetry's semantic conventions."""

from __future__ import annotations

from typing import Final

from ...metadata import Metadata
from ...otlp_json import Json, attributes
from ...recording_facts import given_name

SERVICE: Final = "reclaim-tracer"
_ARCHITECTURES: Final = {
    "x86_64": "amd64",
    "i686": "x86",
    "aarch64": "arm64",
    "armv7l": "arm32",
    "ppc64le": "ppc64",
}
"""The conventions' names for those of the kernel; others are told as they are."""


def resource(metadata: Metadata, recording_id: str) -> Json:
    """The traced machine, and which recording it was; what is not known is left out."""
    told = {
        "service.name": SERVICE,
        "service.version": metadata.tool_version or None,
        "service.instance.id": recording_id,
        "host.name": given_name(metadata.host) or None,
        "host.arch": _ARCHITECTURES.get(metadata.machine, metadata.machine) or None,
        "os.type": "linux",
        "os.version": metadata.kernel_release or None,
        "os.description": metadata.kernel_version or None,
        "reclaim_tracer.boot_id": metadata.boot_id or None,
        "reclaim_tracer.page_size_bytes": metadata.page_size_bytes,
        "reclaim_tracer.memory_total_bytes": metadata.memory_total_bytes or None,
        "reclaim_tracer.imported_from": metadata.imported_from,
        "reclaim_tracer.label": dict(metadata.labels),
    }
    return {"attributes": attributes(told)}
