"""A recording and its analysis as pandas frames: what `tracer.open` gives. `docs/api.md` describes it."""

from .trace import Trace

__all__ = ["Trace"]
