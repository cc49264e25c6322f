"""The still balloon without DEFLATE_ON_OOM."""

from __future__ import annotations

from ..machine import Hardware
from .still_balloon import drive, judge, prepare

__all__ = ["HARDWARE", "drive", "judge", "prepare"]
HARDWARE = Hardware(balloon=())
