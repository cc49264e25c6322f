"""Single stretches of time span by span: what each thread did, and who woke or caused whom."""

from __future__ import annotations

from .section import content

__all__ = ["content"]
