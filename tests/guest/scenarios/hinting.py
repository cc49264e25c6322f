"""Free page hints during a slow migration, taken back under pressure: no balloon page is moved by either."""

from __future__ import annotations

from ..lab import Found, Lab
from ..machine import Hardware
from ..reclaim_truth import INFERRED_SHARE
from ..recorder import WAIT_S

HARDWARE = Hardware(balloon=("deflate-on-oom", "free-page-hint"))


HINTED_SHARE = 0.5
"""Of free memory, until which the load waits: the driver allocates all that it hints, and keeps it."""


def drive(lab: Lab) -> None:
    """A migration to nowhere, the hints, then page cache, and the caches dropped."""
    monitor = lab.guest.monitor
    allocated, free = _allocated(lab), lab.vmstat("nr_free_pages")
    monitor.execute("migrate-set-parameters", **{"max-bandwidth": 4 << 20})
    monitor.execute("migrate", uri="exec:cat >/dev/null")
    lab.guest.until(lambda: monitor.execute("query-migrate").get("status") == "active", 60, "the migration to begin")
    lab.guest.until(lambda: lab.vmstat("nr_free_pages") < free * (1 - HINTED_SHARE), WAIT_S, "hints")
    hinted_at_least = int((free - lab.vmstat("nr_free_pages")) * (1 - INFERRED_SHARE))
    lab.said(lab.load("stream", "/dev/vdc", 900, 1), "read")
    lab.shell("echo 3 >/proc/sys/vm/drop_caches")
    monitor.execute("migrate_cancel")
    lab.guest.until(lambda: monitor.execute("query-migrate").get("status") in {"cancelled", "completed"}, 60, "its end")
    if not monitor.execute("query-status")["running"]:
        monitor.execute("cont")
    lab.truth.hinted_pages = hinted_at_least, _allocated(lab) - allocated


def judge(found: Found) -> None:
    """No balloon page, no change of target; pages hinted as the guest allocated them, or that nothing tells."""
    found.require_no_fight()
    assert "free_page_hint" in found.balloon["features"]
    assert (found.balloon["inflated_pages"], found.balloon["net_pages"]) == (0, 0)
    assert found.summary["conflicts"] == []
    assert found.balloon["target_changes"] in {0, None}
    hinted, (at_least, at_most) = found.balloon["hinted_pages"], found.truth.hinted_pages
    is_told = "report_free_page" in found.plan
    assert (hinted is not None) == is_told
    assert hinted is None or at_least <= hinted <= at_most, f"{hinted} hinted, really {at_least} to {at_most}"


def _allocated(lab: Lab) -> int:
    """Pages by the allocator's counters of all zones."""
    return sum(pages for name, pages in lab.guest.counters().items() if name.startswith("pgalloc_"))
