"""Recordings that are asked in SQL, and what they answer."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.golden.cases import DATA
from tracer.analyze import Options
from tracer.commands.app import app
from tracer.sql.members import Member
from tracer.sql.session import Session
from tracer.store import open_recording
from tracer.store.slicing import part_of

LONG = DATA / "guest-host-reasserts.rtrace"
KILL = DATA / "memcg-kill.rtrace"


def session_of(*files: Path) -> Session:
    return Session([Member(part_of(open_recording(file), None, None), Options()) for file in files])


def rows(of: Session, query: str) -> list[dict[str, Any]]:
    with of.ask(query) as answer:
        return [row for batch in answer.batches for row in batch.to_pylist()]


def printed(capsys: pytest.CaptureFixture[str], *words: object) -> str:
    """What the command prints, in this process."""
    app([*map(str, ("sql", *words))], standalone_mode=False)
    return capsys.readouterr().out
