"""A trace for Perfetto (https://ui.perfetto.dev, trace_processor)."""

from .writing import PerfettoWriter

__all__ = ["PerfettoWriter"]
