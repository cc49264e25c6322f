"""The kernel's monotonic clock in a time namespace."""

from __future__ import annotations

from pathlib import Path

import pytest

from tracer.kernel.kernel_time import read_offset_ns


def process(folder: Path, offsets: str | None, ours: str = "time:[1]", children: str = "time:[1]") -> Path:
    (folder / "ns").mkdir()
    (folder / "ns/time").symlink_to(ours)
    (folder / "ns/time_for_children").symlink_to(children)
    if offsets is not None:
        (folder / "timens_offsets").write_text(offsets)
    return folder


@pytest.mark.parametrize(
    ("offsets", "expected"),
    [
        ("monotonic           0         0\nboottime            0         0\n", 0),
        ("monotonic       86400         0\nboottime         1000         0\n", 86_400_000_000_000),
        ("monotonic       -1000 500000000\nboottime            0         0\n", -999_500_000_000),
        ("1 7 5\n7 0 0\n", 7_000_000_005),
        ("nonsense\n", 0),
        (None, 0),
    ],
)
def test_the_offset_is_read(tmp_path: Path, offsets: str | None, expected: int) -> None:
    assert read_offset_ns(process(tmp_path, offsets)) == expected


def test_the_offset_of_a_namespace_for_children_only_is_not_this_process_s(tmp_path: Path) -> None:
    assert read_offset_ns(process(tmp_path, "monotonic 5 0\n", children="time:[2]")) == 0


def test_a_kernel_without_time_namespaces_has_none(tmp_path: Path) -> None:
    assert read_offset_ns(tmp_path) == 0
