"""Free page hints during a slow migration, taken back under pressure: no balloon page is moved by either."""

from __future__ import annotations

from ..lab import Found, Lab
from ..machine import Hardware

HARDWARE = Hardware(balloon=("deflate-on-oom", "free-page-hint"))


def drive(lab: Lab) -> None:
    """A migration to nowhere, page cache, and the caches dropped."""
    monitor = lab.guest.monitor
    monitor.execute("migrate-set-parameters", **{"max-bandwidth": 4 << 20})
    monitor.execute("migrate", uri="exec:cat >/dev/null")
    lab.guest.until(lambda: monitor.execute("query-migrate").get("status") == "active", 60, "the migration to begin")
    lab.said(lab.load("stream", "/dev/vdc", 900, 1), "read")
    lab.shell("echo 3 >/proc/sys/vm/drop_caches")
    monitor.execute("migrate_cancel")
    lab.guest.until(lambda: monitor.execute("query-migrate").get("status") in {"cancelled", "completed"}, 60, "its end")
    if not monitor.execute("query-status")["running"]:
        monitor.execute("cont")


def judge(found: Found) -> None:
    """Nothing."""
    found.require_no_fight()
    assert "free_page_hint" in found.balloon["features"]
    assert (found.balloon["inflated_pages"], found.balloon["net_pages"]) == (0, 0)
    assert found.summary["conflicts"] == []
