"""The recording begins in the middle of pressure: kswapd and direct reclaim are under way, and go on."""

from __future__ import annotations

from ..lab import Found, Lab

READERS = 2
READ_MIB = 1000
PAUSE_MS = 20
"""After each MiB: the recorder has to compile its programs beside them."""
MORE_PAGES = 20_000


def prepare(lab: Lab) -> None:
    """Readers that go round and round in more than fits, while watermarks leave kswapd no head start."""
    lab.narrow_watermarks()
    for _ in range(READERS):
        lab.load("stream", "/dev/vdc", READ_MIB, 0, PAUSE_MS)
    lab.until_vmstat("pgsteal_kswapd", lab.vmstat("pgsteal_kswapd") + 1)
    lab.until_vmstat("pgsteal_direct", lab.vmstat("pgsteal_direct") + 1)


def drive(lab: Lab) -> None:
    """Some more of it, then rest."""
    lab.until_vmstat("pgsteal_kswapd", lab.vmstat("pgsteal_kswapd") + MORE_PAGES)
    lab.until_vmstat("pgsteal_direct", lab.vmstat("pgsteal_direct") + 1)
    lab.stop_all()


def judge(found: Found) -> None:
    """Each page in its own tier: nobody asked for any."""
    found.require_no_fight()
    assert set(found.tiers) <= {"background", "direct", "retry"}
    assert found.reclaimed["kswapd"].at_least >= MORE_PAGES
    assert found.tiers["direct"]["scopes"].keys() <= {"global", "unknown"}
