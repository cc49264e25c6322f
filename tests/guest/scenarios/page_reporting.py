"""Free page reporting: what a hog leaves free, the guest tells the host, which takes it without the balloon's work."""

from __future__ import annotations

from ..lab import PAGES_PER_MIB, Found, Lab
from ..machine import Hardware

HARDWARE = Hardware(balloon=("deflate-on-oom", "free-page-reporting"))
HOG_MIB = 300
BACK_MIB = 200


def prepare(lab: Lab) -> None:
    """QEMU writes down what it takes back, from before the recording on."""
    lab.guest.note_discards()


def drive(lab: Lab) -> None:
    """Memory touched and free again, until QEMU has that much less."""
    hog = lab.load("hog", HOG_MIB)
    lab.said(hog, "touched")
    full_mib = lab.guest.resident_mib()
    lab.stop(hog)
    lab.guest.until(lambda: lab.guest.resident_mib() < full_mib - BACK_MIB, 120, "the host to have memory back")


def judge(found: Found) -> None:
    """No balloon work, no reclaim, no change of target; each report's pages as QEMU had them, or that nothing tells."""
    found.require_no_fight()
    assert "reporting" in found.balloon["features"]
    assert (found.balloon["inflated_pages"], found.balloon["net_pages"]) == (0, 0)
    assert (found.balloon["work_spans"], found.balloon["target_changes"]) == (0, 0)
    assert found.summary["conflicts"] == []
    assert set(found.tiers) == {"proactive"}, "reports are tier 0's"
    told, reports = found.balloon["reported_pages"], found.reports
    assert told == (None if reports is None else sum(pages for _, pages in reports))
    if reports is not None:
        assert told >= BACK_MIB * PAGES_PER_MIB
        assert found.truth.discards.are(reports), "reported pages are not what the host took back"
