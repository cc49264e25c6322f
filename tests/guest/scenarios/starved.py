"""A guest so short of memory that whoever allocates has to reclaim, the recorder, too, where it is its turn."""

from __future__ import annotations

from ..lab import Found, Lab

LEFT_MIB = 60
READ_MIB = 500


def drive(lab: Lab) -> None:
    """A hog takes almost all, and page cache that does not fit is read beside it."""
    lab.narrow_watermarks()
    hog = lab.load("hog", lab.available_mib() - LEFT_MIB)
    lab.said(hog, "touched")
    readers = [lab.load("stream", "/dev/vdc", READ_MIB, 1) for _ in range(2)]
    for reader in readers:
        lab.said(reader, "read")
    lab.stop(hog)


def judge(found: Found) -> None:
    """Nobody's pages are missing, so neither are the recorder's; whether it had to reclaim is chance."""
    direct = found.tiers["direct"]
    assert found.reclaimed["direct"].at_least > 0
    assert (direct["missed_pages"], direct["extra_pages"]) == (0, 0)
    recorder = found.summary["recorder"]
    assert 0 <= recorder["pages"] <= direct["scopes"]["global"]["sources"]["file"]["pages"]
    assert (recorder["spans"] > 0) == (recorder["stall_s"] > 0)
    assert recorder["spans"] > 0 or recorder["pages"] == 0
