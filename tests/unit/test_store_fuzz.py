"""A minute of fuzzing the reader of recordings; `tests/fuzz` does it for as long as asked, guided by coverage."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from recording_inputs import file_of, read, seed_meta, seeds

EXAMPLES = 25_000
"""As many as take a minute on a CPU of a server."""
KINDS = st.sampled_from(["set", "set", "set", "insert", "delete", "copy", "cut"])
EDIT = st.tuples(KINDS, st.integers(1, 1 << 16), st.integers(1, 40), st.binary(min_size=1, max_size=9))
"""What, where, how many bytes it takes, and which it puts."""


@pytest.fixture(scope="module")
def material(tmp_path_factory) -> tuple[list[bytes], bytes, Path]:
    folder = tmp_path_factory.mktemp("fuzz")
    return list(seeds(folder)), seed_meta(tmp_path_factory.mktemp("meta")), folder / "x.rtrace"


def edited(data: st.DataObject, seed: bytes) -> bytes:
    """The seed after one to eight edits, its first byte as it was."""
    changed = bytearray(seed)
    for edit, place, length, byte in data.draw(st.lists(EDIT, min_size=1, max_size=8)):
        at = 1 + place % max(1, len(changed) - 1)
        if edit == "set":
            changed[at : at + len(byte)] = byte
        elif edit == "insert":
            changed[at:at] = byte
        elif edit == "delete":
            del changed[at : at + length]
        elif edit == "copy":
            changed[at:at] = changed[max(1, at - length) : at]
        else:
            del changed[at:]
    return bytes(changed)


@settings(max_examples=EXAMPLES, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_whatever_is_in_a_file_is_read_without_contradiction_or_refused(material: Any, data: st.DataObject) -> None:
    known, meta, path = material
    content = file_of(edited(data, data.draw(st.sampled_from(known))), meta)
    path.write_bytes(content)
    read(path, len(content))
