"""OpenTelemetry's protocol as JSON: episodes and what else was found as spans, findings as log records, metrics."""

from .writing import OtlpWriter

__all__ = ["OtlpWriter"]
