"""The multi-gen LRU's switches: as the files say, and unknown where there are none."""

from __future__ import annotations

from pathlib import Path

import pytest
from kernel_tree import put

from tracer.kernel.lru_gen import LruGen, read_lru_gen


@pytest.mark.parametrize(("text", "mask"), [("0x0007\n", 7), ("0x0000\n", 0), ("0x0001\n", 1)])
def test_the_mask_is_the_files(tmp_path: Path, text: str, mask: int) -> None:
    put(tmp_path, "/sys/kernel/mm/lru_gen/enabled", text)
    put(tmp_path, "/sys/kernel/mm/lru_gen/min_ttl_ms", "1000\n")
    assert read_lru_gen(tmp_path) == LruGen(mask, 1000)


def test_a_kernel_without_the_files_is_unknown_not_off(tmp_path: Path) -> None:
    assert read_lru_gen(tmp_path) == LruGen(None, None)


def test_what_is_no_number_is_unknown(tmp_path: Path) -> None:
    put(tmp_path, "/sys/kernel/mm/lru_gen/enabled", "y\n")
    put(tmp_path, "/sys/kernel/mm/lru_gen/min_ttl_ms", "0\n")
    assert read_lru_gen(tmp_path) == LruGen(None, 0)
