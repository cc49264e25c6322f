"""What the programs keep by thread until something ends: a map without room loses nothing without a count."""

from __future__ import annotations

import re

import pytest

from tracer.probes.sources import bpf_dir

HASHES = re.compile(r'BPF_(?:HASH\((\w+)|TABLE\("(?:lru_)?hash", [^)]*?(\w+), \d+\))')
UPDATES = re.compile(r"(if \()?(\w+)\.update\(&tid, &(\w+)\)\)?\n?\s*(\w+)?")
NO_ROOM_NEEDED = {
    ("lru_spans", "span"): "without an entry each scan is told as it comes",
    ("runs", "outer"): "the thread has an entry, which this replaces",
}
TEXTS = {path.name: path.read_text() for path in bpf_dir().glob("*.bpf.c")}


def updates() -> list[tuple[str, str, str, str, str]]:
    """File, map, value, what stands before the update, what follows it."""
    maps = {name for text in TEXTS.values() for found in HASHES.findall(text) for name in found if name}
    return [
        (file, name, value, before, after)
        for file, text in sorted(TEXTS.items())
        for before, name, value, after in UPDATES.findall(text)
        if name in maps
    ]


@pytest.mark.parametrize(("file", "name", "value", "before", "after"), updates())
def test_an_entry_that_finds_no_room_counts_as_lost(file, name, value, before, after):
    if (name, value) not in NO_ROOM_NEEDED:
        assert (before, after) == ("if (", "rt_count_lost"), f"{file}: {name}"


def test_every_map_by_thread_is_looked_at():
    assert {name for _, name, *_ in updates()} == {"folio_lists", "hints", "lru_spans", "ooms", "runs", "working"}


@pytest.mark.parametrize("name", ["ooms", "hints"])
def test_a_small_map_whose_ends_may_be_missed_lets_the_oldest_go(name):
    assert re.search(rf'BPF_TABLE\("lru_hash", u32, [\w ]+, {name}, \d+\);', "".join(TEXTS.values()))
