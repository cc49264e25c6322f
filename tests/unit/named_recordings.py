"""A recording in which every name that somebody gave is known, so that a test can look for it anywhere."""

from __future__ import annotations

import base64
import gzip
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
from streams import BALLOON_OOM, BALLOON_WORK, METADATA, MS, SECOND, SYMBOLS, Records, counters, event, lru, records

from tracer.metadata import PlanRow, SourceState
from tracer.schema import TRACEPOINT_KINDS
from tracer.store import Writer
from tracer.store.note_keys import HOST_COMMANDS_NOTE, IMPORT_NOTE, MARKS_NOTE

START_NS = 50 * SECOND
APP, POD, ROOT = 11, 12, 1
POD_UID, CONTAINER = "deadbeef-0bad-4bad-8bad-0123456789ab", "0badc0ffee11" + "7" * 52
_SLICE_UID = POD_UID.replace("-", "_")
Name = Callable[[str], str]


def secret(what: str) -> str:
    """A name of 15 bytes at most, as a task's is."""
    return f"qzsecret{what}"[:15]


def raw(name: str) -> bytes:
    """A name as the kernel has it: any bytes."""
    return name.encode("utf-8", "surrogateescape")


def paths_of(name: Name) -> dict[int, str]:
    return {
        ROOT: "/",
        APP: f"/system.slice/{name('unit')}.service/{name('leaf')}",
        POD: f"/kubepods.slice/kubepods-burstable-pod{_SLICE_UID}.slice/cri-containerd-{CONTAINER}.scope",
    }


def _waits(at_ns: int, tid: int, comm: str, cgroup: int, wait_ns: int) -> Records:
    kind = "memcg_reclaim" if cgroup == POD else "direct_reclaim"
    made = records(
        event(at_ns, f"{kind}_begin", tid, comm),
        lru(at_ns + 1000, tid, 64, comm=comm),
        event(at_ns + wait_ns, f"{kind}_end", tid, comm, nr_reclaimed=64),
    )
    made["cgroup_id"] = cgroup
    return made


def _fight(at_ns: int, name: Name) -> Records:
    worker = {"tid": 9, "comm": "kworker/0:1", "function": BALLOON_WORK}
    return records(
        event(at_ns, "oom_notifier_run", 500, name("notif"), cb=BALLOON_OOM),
        event(at_ns + 2 * MS, "direct_reclaim_begin", 500, name("notif")),
        event(at_ns + 3 * MS, "direct_reclaim_end", 500, name("notif")),
        event(at_ns + 300 * MS, "balloon_work_begin", **worker),
        event(at_ns + 520 * MS, "balloon_work_end", **worker),
    )


def stream(name: Name = secret) -> Records:
    """Waits, cycles, an OOM kill and one by a process, of tasks with these names."""
    events = [_waits(START_NS + at * 50 * MS, 100 + at % 3, name(f"t{at % 3}"), APP, 9 * MS) for at in range(90)]
    events += [_waits(START_NS + SECOND, 200, name("pod"), POD, 1500 * MS)]
    events += [_fight(START_NS + at * MS, name) for at in (1000, 2500)]
    events += [
        event(START_NS + 10 * MS, "kswapd_wake", 60, "kswapd0", nid=0),
        lru(START_NS + 12 * MS, 60, 500, comm="kswapd0"),
        event(START_NS + 20 * MS, "kswapd_sleep", 60, "kswapd0", nid=0),
        event(START_NS + 4500 * MS, "mark_victim", 100, name("t1"), pid=77, victim_comm=raw(name("vict"))),
        event(START_NS + 4600 * MS, "signal_generate", 31, "earlyoom", pid=78, sig=9, victim_comm=raw(name("sign"))),
    ]
    made = records(*events)
    return made[np.argsort(made["time_ns"], kind="stable")]


def write_named(path: Path, name: Name = secret, *, imported: bool = False) -> Path:
    """The recording, its file's name among what is not to be told: one block for all events."""
    plan = [PlanRow(kind.name, f"tracepoint:{kind.tracepoint}", SourceState.USED) for kind in TRACEPOINT_KINDS]
    plan.append(PlanRow("balloon_pages", "samples:/proc/vmstat", SourceState.USED, "pages between two readings"))
    plan.append(PlanRow("psi", "samples:/proc/pressure/memory", SourceState.REFUSED, f"/home/{name('user')}/x: no"))
    writer = Writer(
        path,
        replace(
            METADATA,
            start_ns=START_NS,
            start_utc_ns=1_700_000_000 * SECOND,
            host=name("host"),
            boot_id=name("boot"),
            kernel_release="6.12.1",
            command=(name("cmd"), f"--{name('arg')}"),
            cgroup_hierarchy="unified",
            memory_lock=f"cannot lock: /opt/{name('opt')}: no",
            imported_from=f"{name('src')}.txt" if imported else None,
            plan=tuple(plan),
        ),
    )
    writer.write_symbols(SYMBOLS)
    writer.write_cgroups(paths_of(name))
    writer.write_events(stream(name))
    times = range(0, 5000, 50)
    leaked = [sum(256 for leak in (1000, 2500) if at > leak) for at in times]
    back = [sum(256 for leak in (1000, 2500) if at > leak + 510) for at in times]
    rows = [(START_NS + at * MS, 9000 + b, 5000 + a) for at, a, b in zip(times, leaked, back, strict=True)]
    writer.write_samples(counters(rows))
    writer.write_note(HOST_COMMANDS_NOTE, [{"time_s": 1.0, "target_bytes": 1 << 20, "comment": name("host's comment")}])
    writer.write_note(MARKS_NOTE, [[START_NS + SECOND, name("mark")]])
    writer.write_note(IMPORT_NOTE, {"damage": f"line 7: {name('line')}" if imported else None})
    writer.write_note(name("note"), {"any": name("value")})
    writer.close()
    return path


def texts_of(page: str) -> Iterator[str]:
    """A page, and what is in it in base64, unpacked where it is packed."""
    yield page
    for blob in re.findall(r"[A-Za-z0-9+/]{16,}={0,2}", page):
        data = base64.b64decode(blob[: len(blob) // 4 * 4])
        yield (gzip.decompress(data) if data.startswith(b"\x1f\x8b") else data).decode("latin-1")
