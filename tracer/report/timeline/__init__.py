"""The timeline: rows over one time axis, with what the page needs to draw any stretch of it in detail."""

from __future__ import annotations

from .section import content

__all__ = ["content"]
