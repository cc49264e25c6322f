"""What fuzzing feeds the analysis and its views: recordings with right checksums that say and hold anything."""

from __future__ import annotations

import json
import warnings
from pathlib import Path
from typing import Any

import numpy as np
from hypothesis import strategies as st
from recording_inputs import FileOfBlocks
from store_cases import METADATA

from tracer.analyze import Analysis, Options
from tracer.batch import LostStretch, Samples
from tracer.errors import TracerError
from tracer.jobs.analysis import analyse_file
from tracer.recording_facts import RecordingFacts
from tracer.report.page import render
from tracer.schema import EVENT_DTYPE, KINDS, SAMPLE_NULL
from tracer.store.contents import METADATA as SHAPE
from tracer.store.event_columns import EventEncoder
from tracer.store.format import MOST_NS, BlockType
from tracer.store.kinds import kind_table
from tracer.store.payloads import encode_samples, pack_lost, pack_symbols
from tracer.terminal.summary_text import summary_text
from tracer.wording.summary import summary_json

COUNTERS = (
    "vmstat.balloon_inflate",
    "vmstat.balloon_deflate",
    "vmstat.pgscan_direct",
    "vmstat.pgsteal_kswapd",
    "vmstat.oom_kill",
    "vmstat.allocstall_normal",
    "vmstat.workingset_refault_file",
    "meminfo.MemFree_bytes",
    "meminfo.Balloon_bytes",
    "psi.memory.some_total_us",
    "vmmemctl.current_pages",
)
EDGES = (0, 1, 2, 4096, 1 << 31, 1 << 53, MOST_NS, (1 << 63) - 1, 1 << 63, (1 << 64) - 1)
NUMBERS = st.one_of(st.integers(0, 300), st.sampled_from(EDGES), st.integers(0, (1 << 64) - 1))
TIMES = st.one_of(st.integers(0, 5000), st.integers(0, 1 << 40), st.integers(0, MOST_NS))
TEXTS = st.one_of(
    st.sampled_from(["", "</script>", "a\x1b[31m", "\udcff", "x" * 200, "\0", "kswapd0"]), st.text(max_size=9)
)
JSON_VALUES = st.recursive(
    st.one_of(st.none(), st.booleans(), NUMBERS, st.just(-1), st.just(1e300), TEXTS),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(TEXTS, inner, max_size=3)),
    max_leaves=5,
)
PLAN_ROWS = st.fixed_dictionaries(
    {
        "what": st.sampled_from([kind.name for kind in KINDS]),
        "source": TEXTS,
        "state": st.sampled_from(["used", "absent", "refused", "unused"]),
        "reason": TEXTS,
    }
)
BALLOONS = st.fixed_dictionaries(
    {"driver": st.sampled_from([None, "virtio_balloon", "hv_balloon", "vmw_balloon", "xen-balloon", "</x>"])}
)
SAID = st.fixed_dictionaries(
    {},
    optional={
        "plan": st.lists(PLAN_ROWS, max_size=6),
        "balloon": BALLOONS,
        "cpus": st.sampled_from([0, 1, 64, 65536]),
        "page_size_bytes": st.sampled_from([512, 4096, 65536, 1 << 30]),
        "start_ns": st.one_of(TIMES, TIMES.map(lambda time: -time)),
        "start_utc_ns": TIMES,
        "memory_total_bytes": st.sampled_from([0, 1, 1 << 62]),
        "imported_from": st.one_of(st.none(), TEXTS),
        "sample_interval_s": st.sampled_from([0, 0.25, 1e9]),
        "lru_gen_enabled": st.sampled_from([None, 0, 7]),
        "absent_fields": st.dictionaries(
            st.sampled_from([kind.name for kind in KINDS]), st.lists(st.sampled_from(["nid", "nr_reclaimed", "retval"]))
        ),
    },
)
ANYTHING_SAID = st.dictionaries(st.sampled_from([*SHAPE.shapes]), JSON_VALUES, max_size=2)


@st.composite
def recordings(draw: st.DrawFn) -> bytes:
    """A file of up to six blocks."""
    metadata = METADATA.to_json() | draw(SAID)
    if draw(st.integers(0, 4)) == 0:
        metadata |= draw(ANYTHING_SAID)
    file = FileOfBlocks(json.dumps({"metadata": metadata, "kinds": kind_table()}).encode())
    for _ in range(draw(st.integers(1, 6))):
        _add_block(draw, file)
    return file.close()


def _add_block(draw: st.DrawFn, file: FileOfBlocks) -> None:
    kind = draw(st.sampled_from([BlockType.EVENTS] * 5 + [BlockType.SAMPLES] * 2 + [BlockType.LOST, BlockType.NOTE]))
    if kind == BlockType.EVENTS:
        records = _records(draw)
        file.add(kind, len(records), bytes(EventEncoder(len(records)).encode(records)))
        file.add(BlockType.SYMBOLS, 1, pack_symbols({draw(NUMBERS): draw(TEXTS)}))
    elif kind == BlockType.SAMPLES:
        samples = _samples(draw)
        file.add(kind, len(samples), encode_samples(samples))
    elif kind == BlockType.LOST:
        start, end = sorted((draw(TIMES), draw(TIMES)))
        file.add(kind, 1, pack_lost([LostStretch(start, end, {draw(TEXTS): draw(st.integers(0, 1 << 53))})]))
    else:
        keys = st.sampled_from(["end_ns", "clock_changes", "dropped_events", "program_cost", "part", "import", "x"])
        file.add(kind, 1, json.dumps({"key": draw(keys), "value": draw(JSON_VALUES)}).encode())


def _records(draw: st.DrawFn) -> np.ndarray[Any, np.dtype[np.void]]:
    """Events of few kinds, threads and times, with arguments small, extreme or random."""
    count = draw(st.integers(1, 40))
    random = np.random.default_rng(draw(st.integers(0, 1 << 32)))
    records = np.zeros(count, EVENT_DTYPE)
    kinds = draw(st.lists(st.sampled_from([kind.number for kind in KINDS]), min_size=1, max_size=5))
    records["kind"] = random.choice(kinds, count)
    start, step = draw(TIMES), draw(st.sampled_from([0, 1, 1000, 10**6, 10**9, 10**13]))
    records["time_ns"] = np.minimum(start + np.arange(count, dtype=np.uint64) * np.uint64(step), MOST_NS)
    records["tid"] = random.integers(0, draw(st.sampled_from([1, 2, 5])), count)
    records["tgid"], records["cpu"] = records["tid"], random.integers(0, 3, count)
    records["comm"] = draw(st.sampled_from([b"kswapd0", b"java", b"</script>", b"\xff\xfe"]))
    style = draw(st.sampled_from(["zero", "small", "edges", "random"]))
    octets = {
        "zero": np.zeros(count * 64, np.uint8),
        "small": (random.integers(0, 9, count * 8, dtype=np.uint64)).view(np.uint8),
        "edges": random.choice(np.array(EDGES, np.uint64), count * 8).view(np.uint8),
        "random": random.integers(0, 256, count * 64, np.uint8),
    }[style]
    records["args"] = octets.view(records["args"].dtype)
    return records


def _samples(draw: st.DrawFn) -> Samples:
    count = draw(st.integers(1, 6))
    names = tuple(draw(st.lists(st.one_of(st.sampled_from(COUNTERS), TEXTS), min_size=1, max_size=5)))
    cells = st.one_of(st.integers(-3, 5000), st.sampled_from([SAMPLE_NULL, (1 << 63) - 1, 1 << 53, -(1 << 53)]))
    values = [[draw(cells) for _ in names] for _ in range(count)]
    times = sorted(draw(TIMES) for _ in range(count)) if draw(st.booleans()) else [draw(TIMES) for _ in range(count)]
    return Samples(np.array(times, np.int64), names, np.array(values, np.int64))


def _analysed(path: Path) -> tuple[Analysis, RecordingFacts] | str:
    """The results, or why there are none."""
    try:
        return analyse_file(path, Options())
    except TracerError as error:
        return str(error)


def look(path: Path) -> None:
    """Every view of it: judged, or refused in a line that can be printed; no library warns."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = _analysed(path)
        if isinstance(found, str):
            assert found.isprintable()
            return
        analysis, facts = found
        assert summary_text(analysis, facts).encode("utf-8", "backslashreplace")
        json.dumps(summary_json(analysis, facts), allow_nan=False)
        assert render(analysis, facts).encode("utf-8")
