"""The target can't be reached: the worker inflates again what each OOM took out, with no word from the host."""

from __future__ import annotations

from ..lab import PAGES_PER_MIB, Found, Lab


def drive(lab: Lab) -> None:
    """A resident hog, a target far below it, and a second hog that grows slowly into what there isn't."""
    resident = lab.load("hog", lab.full_mib // 2)
    lab.said(resident, "touched")
    lab.host(lab.full_mib // 4)
    before = lab.vmstat("balloon_deflate")
    growing = lab.load("hog", 400, 100)
    lab.until_vmstat("balloon_deflate", before + 30 * PAGES_PER_MIB)
    lab.stop(growing)
    lab.stop(resident)
    lab.settle()
    lab.host_and_wait(lab.full_mib)


def judge(found: Found) -> None:
    """The OOM loop drives it: no host's word in its cycles."""
    assert found.leaked["oom_notifier"] >= 20 * PAGES_PER_MIB
    assert "notifier-reinflate" in found.classes
    assert "host-oscillation" not in found.classes
    cycles = [cycle for cycle in found.summary["cycles"] if cycle["class"] == "notifier-reinflate"]
    assert not any(map(found.host_acted_in, cycles)), "the host acted"
