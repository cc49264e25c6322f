"""The still balloon; then nothing in the balloon and free page reporting instead."""

from __future__ import annotations

from ..found import Found
from ..machine import Hardware
from ..pair import Phase
from ..scenarios import still_balloon as still
from .starved import PROBLEM, before

__all__ = ["CLAIMS", "FOLLOWED", "KINDS", "PROBLEM", "after", "before"]

KINDS = ("starved",)
FOLLOWED = "Free page reporting instead of a standing balloon"
CLAIMS = {"read again": 0.1}


def after(found: Found) -> Phase:
    """The balloon's device reports free pages, and holds none."""
    return Phase(still.drive, hardware=Hardware(balloon=("deflate-on-oom", "free-page-reporting")))
