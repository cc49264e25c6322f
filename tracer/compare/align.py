"""What recordings are aligned by. Imports nothing large: `--help` shows it."""

from __future__ import annotations

from enum import StrEnum


class Align(StrEnum):
    """What second 0 of each recording is."""

    START = "start"
    MARK = "mark"
    HOST = "host"
