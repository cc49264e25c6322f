"""Compaction moves the balloon's pages about in the guest: they neither leave nor enter the balloon."""

from __future__ import annotations

from ..lab import Found, Lab


def drive(lab: Lab) -> None:
    """Balloon pages among page cache, the cache dropped, then compaction."""
    before = lab.vmstat("pgpgin")
    lab.load("stream", "/dev/vdc", 700, 1)
    lab.until_vmstat("pgpgin", before + 600 * 1024)
    lab.host_and_wait(lab.full_mib - 400)
    lab.shell("echo 1 >/proc/sys/vm/drop_caches")
    before = lab.vmstat("balloon_migrate")
    for _ in range(20):
        lab.shell("echo 1 >/proc/sys/vm/compact_memory")
        if lab.vmstat("balloon_migrate") > before:
            break


def judge(found: Found) -> None:
    """Migrated pages are counted as that."""
    found.require_no_fight()
    assert found.truth.vmstat["balloon_migrate"] > 0, "compaction moved no balloon page"
    assert found.balloon["migrated_pages"] == found.truth.vmstat["balloon_migrate"]
    assert "cycle" not in found.kinds
