"""A balloon driver is loaded while somebody records, and unloaded again."""

from __future__ import annotations

from ..lab import Found, Lab
from ..module_guest import ModuleGuest

__all__ = ["GUEST", "drive", "judge"]
GUEST = ModuleGuest
DRIVER = "virtio_balloon"


def drive(lab: Lab) -> None:
    """virtio's driver comes to its idle device beside the lab's own, and goes."""
    lab.guest.ask("load_module", path=DRIVER)
    lab.sampled()
    lab.guest.ask("unload_module", name=DRIVER)


def judge(found: Found) -> None:
    """Both are told, in their order: what that driver does is not traced."""
    found.require_no_fight()
    changes = sorted(found.of_kind("module"), key=lambda change: change["start_s"])
    assert [change["numbers"]["loaded"] for change in changes] == [1, 0]
    assert all(DRIVER in change["text"] for change in changes)
    assert found.kinds == {"module"}
