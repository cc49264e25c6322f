"""The still balloon's load, with nothing in the balloon."""

from __future__ import annotations

from ..lab import Found
from .still_balloon import drive

__all__ = ["drive", "judge"]


def judge(found: Found) -> None:
    """All of it fits."""
    found.require_no_fight()
    assert "starved" not in found.kinds
