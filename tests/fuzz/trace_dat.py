"""Small files of trace-cmd (trace.dat, version 6), right or hostile in one of their parts.

The layout is that of trace-cmd's Documentation/trace-cmd/trace-cmd.dat.v6.5.txt; that of a page of events is of Linux,
kernel/trace/ring_buffer.c (struct buffer_data_page, rb_update_event).
"""

from __future__ import annotations

import random
import struct
from collections.abc import Callable

PAGE_BYTES = 4096
HEADER_PAGE = b"""\tfield: u64 timestamp;\toffset:0;\tsize:8;\tsigned:0;
\tfield: local_t commit;\toffset:8;\tsize:8;\tsigned:1;
\tfield: int overwrite;\toffset:8;\tsize:1;\tsigned:1;
\tfield: char data;\toffset:16;\tsize:4080;\tsigned:0;
"""
HEADER_EVENT = b"""# compressed entry header
\ttype_len    :    5 bits
\ttime_delta  :   27 bits
\tarray       :   32 bits

\tpadding     : type == 29
\ttime_extend : type == 30
\ttime_stamp : type == 31
\tdata max type_len  == 28
"""
COMMON = b"""name: %s
ID: %d
format:
\tfield:unsigned short common_type;\toffset:0;\tsize:2;\tsigned:0;
\tfield:unsigned char common_flags;\toffset:2;\tsize:1;\tsigned:0;
\tfield:unsigned char common_preempt_count;\toffset:3;\tsize:1;\tsigned:0;
\tfield:int common_pid;\toffset:4;\tsize:4;\tsigned:1;

"""
BEGIN, END, SHRINK = 600, 601, 602
BEGIN_FORMAT = (COMMON % (b"mm_vmscan_direct_reclaim_begin", BEGIN)) + (
    b"\tfield:int order;\toffset:8;\tsize:4;\tsigned:1;\n"
    b"\tfield:unsigned long gfp_flags;\toffset:16;\tsize:8;\tsigned:0;\n\n"
    b'print fmt: "order=%d gfp_flags=%s", REC->order, (REC->gfp_flags) ? __print_flags(REC->gfp_flags, "|", '
    b'{ 0xcc0UL, "GFP_KERNEL" }, { 0x20UL, "__GFP_HIGH" }) : "none"\n'
)
END_FORMAT = (COMMON % (b"mm_vmscan_direct_reclaim_end", END)) + (
    b"\tfield:unsigned long nr_reclaimed;\toffset:8;\tsize:8;\tsigned:0;\n\n"
    b'print fmt: "nr_reclaimed=%lu", REC->nr_reclaimed\n'
)
SHRINK_FORMAT = (COMMON % (b"mm_shrink_slab_end", SHRINK)) + (
    b"\tfield:struct shrinker * shr;\toffset:8;\tsize:8;\tsigned:0;\n"
    b"\tfield:int nid;\toffset:16;\tsize:4;\tsigned:1;\n"
    b"\tfield:void * shrink;\toffset:24;\tsize:8;\tsigned:0;\n"
    b"\tfield:long unused_scan;\toffset:32;\tsize:8;\tsigned:1;\n"
    b"\tfield:long new_scan;\toffset:40;\tsize:8;\tsigned:1;\n"
    b"\tfield:int retval;\toffset:48;\tsize:4;\tsigned:1;\n"
    b"\tfield:long total_scan;\toffset:56;\tsize:8;\tsigned:1;\n\n"
    b'print fmt: "%pS %p: nid: %d unused scan count %ld new scan count %ld total_scan %ld '
    b'last shrinker return val %d", '
    b"REC->shrink, REC->shr, REC->nid, REC->unused_scan, REC->new_scan, REC->total_scan, REC->retval\n"
)
PARTS: dict[str, bytes] = {
    "header_page": HEADER_PAGE,
    "header_event": HEADER_EVENT,
    "begin": BEGIN_FORMAT,
    "end": END_FORMAT,
    "shrink": SHRINK_FORMAT,
    "kallsyms": b"ffffffff81234560 t super_cache_scan\nffffffff81234700 t shadow_lru_isolate\n",
    "printk": b'0xffffffff82000000 : "hello"\n',
    "cmdlines": b"7 kworker/0:1\n42 java\n",
}
RUNS = (b"9", b"(", b"{", b'"', b"REC->", b" ", b"\0", b"a", b"->", b"%s", b"\n", b"\xff", b"[", b",")
LENGTHS = (0, 1, 1 << 16, (1 << 31) - 1, 1 << 31, (1 << 32) - 1, 1 << 40, (1 << 63) - 1, (1 << 64) - 1)
NUMBERS = (b"0", b"-1", b"3", b"65536", b"2147483647", b"4294967296", b"18446744073709551615", b"9" * 40)


def event(number: int, pid: int, body: bytes, delta_ns: int) -> bytes:
    """An entry of a page: its length in words, the time since the one before it, and what it holds."""
    data = struct.pack("<HBBi", number, 0, 0, pid) + body
    data += bytes(-len(data) % 4)
    return struct.pack("<I", len(data) // 4 | delta_ns << 5) + data


def page(time_ns: int, turns: int) -> bytes:
    """A page in which one thread reclaims, so often."""
    data = b""
    for turn in range(turns):
        data += event(BEGIN, 42, struct.pack("<iiQ", 0, 0, 0xCC0), 1000)
        shrink = struct.pack("<QiiQqqiiq", 0xFFFF888000001000, 0, 0, 0xFFFFFFFF81234567, 0, 5, 3, 0, 64)
        data += event(SHRINK, 42, shrink, 500)
        data += event(END, 42, struct.pack("<Q", 32 + turn), 100_000)
    return (struct.pack("<QQ", time_ns, len(data)) + data).ljust(PAGE_BYTES, b"\0")


def trace_dat(parts: dict[str, bytes], pages: list[bytes], lengths: dict[str, int] | None = None) -> bytes:
    """A file of these parts, a page a CPU; `lengths` are what it says of some instead of what they have."""
    claimed = lengths or {}

    def sized(part: str, form: str) -> bytes:
        most = (1 << 8 * struct.calcsize(form)) - 1
        return struct.pack(form, claimed.get(part, len(parts[part])) & most) + parts[part]

    data = b"\x17\x08\x44tracing6\0\0\x08" + struct.pack("<I", PAGE_BYTES)
    data += b"header_page\0" + sized("header_page", "<Q") + b"header_event\0" + sized("header_event", "<Q")
    data += struct.pack("<II", 0, 1) + b"vmscan\0" + struct.pack("<I", claimed.get("events", 3) & 0xFFFFFFFF)
    data += b"".join(sized(part, "<Q") for part in ("begin", "end", "shrink"))
    data += sized("kallsyms", "<I") + sized("printk", "<I") + sized("cmdlines", "<Q")
    data += struct.pack("<I", claimed.get("cpus", len(pages)) & 0xFFFFFFFF)
    data += b"options  \0" + struct.pack("<H", 0) + b"flyrecord\0"
    start = -(-(len(data) + 16 * len(pages)) // PAGE_BYTES) * PAGE_BYTES
    for number, content in enumerate(pages):
        offset = start + number * PAGE_BYTES
        data += struct.pack("<QQ", claimed.get("offset", offset), claimed.get("pages", len(content)))
    return data.ljust(start, b"\0") + b"".join(pages)


def hostile_trace_dat(choose: random.Random) -> bytes:
    """A file with a hostile text, length, page, or bytes anywhere; now and then several of them, or none."""
    parts, pages, lengths = dict(PARTS), [page(10**9, 3), page(2 * 10**9, 5)], {}
    whole: list[Callable[[bytes], bytes]] = []
    for _ in range(choose.choice([0, 1, 1, 1, 2, 3])):
        how = choose.randrange(4)
        if how == 0:
            name = choose.choice([*parts])
            parts[name] = _hostile_text(choose, parts[name])
        elif how == 1:
            lengths[choose.choice([*parts, "events", "cpus", "offset", "pages"])] = choose.choice(LENGTHS)
        elif how == 2:
            at = choose.randrange(len(pages))
            pages[at] = _hostile_page(choose, pages[at])
        else:
            whole.append(lambda data: _with_bytes(choose, data, len(data)))
    data = trace_dat(parts, pages, lengths)
    for change in whole:
        data = change(data)
    return data[: choose.randrange(len(data))] if choose.random() < 0.05 else data


def _hostile_text(choose: random.Random, text: bytes) -> bytes:
    at = choose.randrange(len(text))
    how = choose.randrange(4)
    if how == 0:
        return text[:at] + choose.choice(RUNS) * choose.choice([1, 3, 300, 20_000]) + text[at:]
    if how == 1:
        return text[:at] + text[at + choose.randint(1, 40) :]
    if how == 2:
        return _with_bytes(choose, text, len(text))
    words = text.replace(b":", b": ").replace(b";", b" ;").split(b" ")
    digits = [place for place, word in enumerate(words) if word.isdigit()]
    if digits:
        words[choose.choice(digits)] = choose.choice(NUMBERS)
    return b" ".join(words)


def _hostile_page(choose: random.Random, content: bytes) -> bytes:
    committed = 16 + struct.unpack_from("<Q", content, 8)[0]
    if choose.random() < 0.3:
        return content[:8] + struct.pack("<Q", choose.choice(LENGTHS)) + content[16:]
    if choose.random() < 0.5:
        at = choose.randrange(16, committed, 4)
        word = choose.randint(0, 31) | choose.choice([0, 1000, (1 << 27) - 1]) << 5
        return content[:at] + struct.pack("<I", word) + content[at + 4 :]
    return _with_bytes(choose, content, committed)


def _with_bytes(choose: random.Random, data: bytes, until: int) -> bytes:
    changed = bytearray(data)
    for _ in range(choose.choice([1, 1, 4])):
        at = choose.randrange(max(1, until))
        new = choose.choice([choose.randbytes(choose.randint(1, 8)), b"\xff" * 8, bytes(8)])
        changed[at : at + len(new)] = new
    return bytes(changed)
