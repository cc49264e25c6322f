"""The kernel's types, from bytes written here after Documentation/bpf/btf.rst."""

from __future__ import annotations

import tracemalloc
from pathlib import Path

import pytest
from btf_types import ENUM, FUNC, FUNC_PROTO, INT, STRUCT, Writer
from kernel_tree import put

from tracer.kernel.answers import Answers, remembering
from tracer.kernel.btf import Btf
from tracer.kernel.btf_file import PIECE_BYTES, FileWindow
from tracer.kernel.gfp import gfp_mask
from tracer.kernel.remembered import read_types
from tracer.kernel.tracefs import find_tracefs

MODULE = "virtio_balloon"


def kernel() -> Writer:
    types = Writer()
    types.type("int", INT, 0, 4, 32)
    counters = (("PGFREE", 0), ("BALLOON_INFLATE", 103), ("BALLOON_DEFLATE", 104))
    types.type("vm_event_item", ENUM, 3, 4, *(word for name, value in counters for word in (types.string(name), value)))
    types.type("", FUNC_PROTO, 1, 1, types.string("oc"), 1)
    types.type("out_of_memory", FUNC, 0, 3)
    types.type("shrink_control", STRUCT, 2, 16, types.string("nid"), 1, 0, types.string("nr_to_scan"), 1, 64)
    return types


def machine(root: Path) -> None:
    base = kernel()
    module = Writer(len(base.strings))
    module.type(MODULE, STRUCT, 1, 320, module.string("num_pfns"), 1, 312 * 8)
    module.type("", FUNC_PROTO, 2, 1, 0, 1, 0, 1)
    module.type("leak_balloon", FUNC, 0, 7)
    for name, types in (("vmlinux", base), (MODULE, module)):
        put(root, f"/sys/kernel/btf/{name}").write_bytes(types.data())


def test_enumerators_members_and_functions_are_found(tmp_path: Path) -> None:
    machine(tmp_path)
    types = Btf.read(root=tmp_path)
    assert types is not None
    assert (types.enumerator("BALLOON_INFLATE"), types.enumerator("BALLOON_DEFLATE")) == (103, 104)
    assert types.member_offset_bytes("shrink_control", "nr_to_scan") == 8
    assert types.function("out_of_memory") == (4, 1)


def test_a_modules_types_continue_the_kernels(tmp_path: Path) -> None:
    machine(tmp_path)
    types = Btf.read(MODULE, tmp_path)
    assert types is not None
    assert types.member_offset_bytes(MODULE, "num_pfns") == 312
    assert types.function("leak_balloon") == (8, 2)


def test_what_is_not_there_is_none_and_never_a_guess(tmp_path: Path) -> None:
    assert Btf.read(root=tmp_path) is None
    machine(tmp_path)
    types = Btf.read(root=tmp_path)
    assert types is not None
    assert types.enumerator("vm_event_item") is None
    assert types.enumerator("NO_SUCH") is None
    assert types.member_offset_bytes("shrink_control", "priority") is None
    assert types.function("shrink_control") is None
    assert Btf.read("no_such_module", tmp_path) is None


def test_other_bytes_are_refused() -> None:
    with pytest.raises(ValueError, match="not BTF"):
        Btf(b"\x9f\xeb")
    with pytest.raises(ValueError, match="byte order"):
        Btf(kernel().data()[::-1])


def test_a_window_tells_what_the_bytes_tell_wherever_they_are(tmp_path: Path) -> None:
    data = bytearray(3 * PIECE_BYTES)
    for at in (1, PIECE_BYTES - 2, 2 * PIECE_BYTES - 5, 3 * PIECE_BYTES - 5):
        data[at : at + 5] = b"\0abc\0"
    put(tmp_path, "/data").write_bytes(data)
    window = FileWindow(tmp_path / "data")
    for start in (0, 2, PIECE_BYTES - 1, PIECE_BYTES + 1, 2 * PIECE_BYTES, 3 * PIECE_BYTES - 4):
        assert window.find(b"\0abc\0", start, len(data)) == data.find(b"\0abc\0", start)
    assert window[PIECE_BYTES - 3 : 2 * PIECE_BYTES + 1] == data[PIECE_BYTES - 3 : 2 * PIECE_BYTES + 1]
    (tmp_path / "data").write_bytes(b"")
    with pytest.raises(ValueError, match="ended"):
        window[0:1]


MANY = 200_000


def test_types_of_megabytes_take_little_memory(tmp_path: Path) -> None:
    # GIVEN types and strings of megabytes, with what is asked for at their end
    types = Writer()
    types.types = b"".join(number.to_bytes(4, "little") + b"\0\0\0\x0e\0\0\0\0\0\0\0\0" for number in range(MANY))
    types.strings += b"".join(b"name_%d\0" % number for number in range(MANY))
    types._count = MANY
    types.function("out_of_memory", 1)
    types.enumeration("vm_event_item", BALLOON_INFLATE=103)
    data = types.data()
    put(tmp_path, "/sys/kernel/btf/vmlinux").write_bytes(data)
    tracemalloc.start()
    found = Btf(FileWindow(tmp_path / "sys/kernel/btf/vmlinux"))
    found.expect(("out_of_memory", "BALLOON_INFLATE"))
    assert (found.function("out_of_memory"), found.enumerator("BALLOON_INFLATE")) == ((MANY + 2, 1), 103)
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    # THEN it is where each type begins and its name, and a few pieces
    assert most < 2 * 4 * MANY * 9 / 8 + 16 * PIECE_BYTES < len(data) / 1.5


def test_answers_about_a_module_open_the_kernels_types_once(monkeypatch: pytest.MonkeyPatch) -> None:
    base = Btf(kernel().data())
    opened: list[object] = []

    def read(module: str | None, base_: Btf | None = None) -> Btf:
        opened.append((module, base_))
        return base

    monkeypatch.setattr(Btf, "read", lambda module=None, root=None, base=None: read(module, base))
    with remembering(Answers()):
        for module in (None, MODULE, None, MODULE):
            types = read_types(module)
            assert types is not None
            assert types.function("out_of_memory") == (4, 1)
    assert opened == [(None, None), (MODULE, base)]


FLAGS = ("__GFP_NORETRY", "__GFP_NOMEMALLOC", "__GFP_HIGHMEM")
OLD = '{( unsigned long)(( gfp_t)0x10000u), "__GFP_NORETRY"}, {( unsigned long)(( gfp_t)0x80000u), "__GFP_NOMEMALLOC"}'
NEW = '{( unsigned long)(( gfp_t)((((1UL))) << (16))), "__GFP_NORETRY"}, {((((1UL))) << (19)), "__GFP_NOMEMALLOC"}'


@pytest.mark.parametrize("text", [OLD, NEW])
def test_allocation_flags_are_read_off_the_way_the_kernel_prints_them(tmp_path: Path, text: str) -> None:
    put(tmp_path, "/proc/self/mountinfo", "40 31 0:12 / /sys/kernel/tracing rw - tracefs tracefs rw\n")
    highmem = '{( unsigned long)(( gfp_t)0x02u), "__GFP_HIGHMEM"}'
    print_fmt = f'print fmt: "gfp_flags=%s", __print_flags(REC->gfp_flags, "|", {text}, {highmem})'
    mount = find_tracefs(tmp_path)
    assert mount is not None
    put(tmp_path, "/sys/kernel/tracing/events/kmem/mm_page_alloc/format", f"name: mm_page_alloc\nID: 1\n{print_fmt}\n")
    assert gfp_mask(FLAGS, None, tmp_path) == 0x90002
    assert gfp_mask(("__GFP_NO_SUCH",), None, tmp_path) is None
