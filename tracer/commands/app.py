"""All commands in one, for those who call them from Python."""

from __future__ import annotations

from .entry import application

app = application()
