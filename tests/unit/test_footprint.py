"""What a recorder holds of libraries' files before its memory is locked."""

from __future__ import annotations

import json
import subprocess
import sys

from command_line import ENV

from tracer.recorder.footprint import unwritten

SMAPS = """\
1000-3000 r--p 00000000 fe:00 7                          /usr/lib/libuntouched.so
Rss:                  12 kB
Anonymous:             0 kB
Swap:                  0 kB
3000-4000 r-xp 00001000 00:1b 7                          /usr/lib/with a space.so (deleted)
Anonymous:             0 kB
4000-5000 r--p 00002000 fe:00 7                          /usr/lib/librelocated.so
Anonymous:             4 kB
Swap:                  0 kB
5000-6000 r--p 00002000 fe:00 7                          /usr/lib/libswapped.so
Anonymous:             0 kB
Swap:                  4 kB
6000-7000 rw-p 00003000 fe:00 7                          /usr/lib/libwritable.so
Anonymous:             0 kB
7000-8000 r--s 00003000 fe:00 7                          /usr/share/shared
Anonymous:             0 kB
8000-9000 r--p 00000000 00:00 0 
Anonymous:             0 kB
a000-b000 r-xp 00000000 00:00 0                          [vdso]
Anonymous:             0 kB
ffffffffff600000-ffffffffff601000 --xp 00000000 00:00 0  [vsyscall]
Anonymous:             0 kB
"""  # noqa: W291 - as the kernel writes it

LET_GO = """
import json, re, zlib
import numpy as np
from tracer.recorder.footprint import let_go_of_files

def file_kib():
    return int(re.search(r"RssFile:\\s+(\\d+) kB", open("/proc/self/status").read())[1])

before = file_kib()
let_go_of_files()
print(json.dumps([before, file_kib(), float(np.linspace(0, 1, 5).sum()), zlib.crc32(b"x")]))
"""


def test_only_what_the_file_still_has_can_be_let_go() -> None:
    assert list(unwritten(SMAPS)) == [(0x1000, 0x3000), (0x3000, 0x4000)]


def test_the_process_goes_on_with_less() -> None:
    done = subprocess.run([sys.executable, "-c", LET_GO], env=ENV, capture_output=True, text=True, check=True)
    before, after, total, crc = json.loads(done.stdout)
    assert after < before * 3 / 4
    assert (total, crc) == (2.5, 2363233923)
