"""Text as the kernel's ftrace prints it."""

from .writing import FtraceWriter

__all__ = ["FtraceWriter"]
