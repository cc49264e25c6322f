"""Symbols by name and by address."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from kernel_tree import put

from tracer.kernel import kallsyms
from tracer.kernel.kallsyms import Resolution, Symbol, find_symbols, resolve, why_hidden

TABLE = """\
0000000000000000 A fixed_percpu_data
ffffffff81000000 T _stext
ffffffff81000000 T _text
ffffffff810357bc t update_balloon_size_func.cold
ffffffff81d3aae0 t __pfx_leak_balloon
ffffffff81d3aaf0 t leak_balloon
ffffffff81d3ad80 t virtio_balloon_oom_notify
ffffffff81d3ae20 t __pfx_update_balloon_size_func
ffffffff81d3ae30 t update_balloon_size_func
ffffffff81d3ae60 t update_balloon_size_func.isra.0
ffffffff81d3b000 t update_balloon_size_func.cfi_jt
ffffffff82000000 D init_task
ffffffffc0201000 t cleanup\t[zram]
ffffffffc0201080 t cleanup\t[nbd]
ffffffffc0101000 t super_cache_scan\t[xfs]
ffffffffc0101f00 d xfs_data\t[xfs]
"""


@pytest.fixture
def table(tmp_path: Path) -> Path:
    put(tmp_path, "/proc/kallsyms", TABLE)
    return tmp_path


def test_a_function_is_found_by_its_exact_name_only(table):
    found = find_symbols({"update_balloon_size_func", "leak_balloon", "fill_balloon"}, table)
    assert found == {
        "update_balloon_size_func": (Symbol("update_balloon_size_func", 0xFFFFFFFF81D3AE30),),
        "leak_balloon": (Symbol("leak_balloon", 0xFFFFFFFF81D3AAF0),),
    }


def test_static_functions_of_one_name_are_all_found(table):
    assert [symbol.module for symbol in find_symbols({"cleanup"}, table)["cleanup"]] == ["zram", "nbd"]


def test_an_address_is_told_by_the_function_that_holds_it(table):
    assert resolve([0xFFFFFFFF81D3AE30, 0xFFFFFFFF81D3AE35, 0xFFFFFFFF81D3ADFF], table) == {
        0xFFFFFFFF81D3AE30: "update_balloon_size_func",
        0xFFFFFFFF81D3AE35: "update_balloon_size_func+0x5",
        0xFFFFFFFF81D3ADFF: "virtio_balloon_oom_notify+0x7f",
    }


def test_a_modules_function_names_the_module_wherever_it_stands_in_the_table(table):
    assert resolve([0xFFFFFFFFC0101010, 0xFFFFFFFFC0201000], table) == {
        0xFFFFFFFFC0101010: "super_cache_scan+0x10 [xfs]",
        0xFFFFFFFFC0201000: "cleanup [zram]",
    }


def test_compiler_suffixes_stay_in_resolved_names(table):
    assert resolve([0xFFFFFFFF81D3B000], table) == {0xFFFFFFFF81D3B000: "update_balloon_size_func.cfi_jt"}


@pytest.mark.parametrize("address", [0, 5, 0x7F0012345678, 0xFFFFFFFF90000000])
def test_an_address_in_no_function_stays_unnamed(table, address):
    assert resolve([address], table) == {}


def test_data_never_names_an_address(table):
    assert resolve([0xFFFFFFFFC0101F10], table) == {0xFFFFFFFFC0101F10: "super_cache_scan+0xf10 [xfs]"}


@given(
    starts=st.lists(st.integers(1, 500), min_size=1, unique=True),
    addresses=st.sets(st.integers(0, 600), max_size=20),
)
def test_resolving_agrees_with_looking_at_every_symbol(tmp_path_factory, starts, addresses):
    root = tmp_path_factory.mktemp("kallsyms")
    put(root, "/proc/kallsyms", "".join(f"{start:016x} t f{start}\n" for start in starts))
    expected = {}
    for address in addresses:
        below = [start for start in starts if start <= address]
        if below:
            offset = address - max(below)
            expected[address] = f"f{max(below)}" + (f"+{offset:#x}" if offset else "")
    assert resolve(addresses, root) == expected


def test_the_table_is_looked_at_a_piece_a_step(tmp_path, monkeypatch):
    monkeypatch.setattr(kallsyms, "_PIECE_BYTES", 64)
    put(tmp_path, "/proc/kallsyms", "".join(f"{start:016x} t f{start:04}\n" for start in range(100, 200)))
    resolution, steps = Resolution([150, 199], tmp_path), 0
    while resolution.step():
        steps += 1
    assert steps > 10
    assert resolution.names() == {150: "f0150", 199: "f0199"}


def test_hidden_addresses_are_told_and_names_still_found(tmp_path):
    put(tmp_path, "/proc/kallsyms", "".join(f"{'0' * 16} {line[17:]}\n" for line in TABLE.splitlines()))
    assert "kptr_restrict" in why_hidden(tmp_path)
    assert find_symbols({"leak_balloon"}, tmp_path)["leak_balloon"][0].address == 0
    assert resolve([0xFFFFFFFF81D3AE30], tmp_path) == {}


@pytest.mark.parametrize(
    ("restrict", "capabilities", "words"),
    [
        ("2", 1 << 34, "from everyone (kernel.kptr_restrict is 2)"),
        ("1", 1 << 39, "CAP_SYSLOG is missing"),
        ("1", 1 << 34, "every address as 0"),
    ],
)
def test_whoever_hides_addresses_is_named(tmp_path, restrict, capabilities, words):
    put(tmp_path, "/proc/kallsyms", "0000000000000000 T _text\n")
    put(tmp_path, "/proc/sys/kernel/kptr_restrict", f"{restrict}\n")
    put(tmp_path, "/proc/self/status", f"CapEff:\t{capabilities:016x}\n")
    assert words in why_hidden(tmp_path)


def test_shown_addresses_and_no_table_are_told_apart(table, tmp_path_factory):
    assert why_hidden(table) == ""
    empty = tmp_path_factory.mktemp("none")
    assert "CONFIG_KALLSYMS" in why_hidden(empty)
    assert find_symbols({"leak_balloon"}, empty) == {}
