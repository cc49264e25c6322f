"""Where a recording comes from: kernel, balloon and memory, how it was traced, and the rest for those who ask."""

from __future__ import annotations

import shlex
from collections import Counter
from dataclasses import dataclass
from typing import Final

from ..analyze.model import Analysis, known_sum
from ..labels import label_words
from ..metadata import Metadata, SourceState
from ..recording_facts import RecordingFacts
from ..wording.evidence import no_balloon, nothing_seen
from ..wording.length import length_of
from ..wording.numbers import NOT_KNOWN, bytes_, count, listing, mib, plural, utc
from .clipping import clipped

_WAYS: Final = {
    "tracepoint": "tracepoints",
    "raw_tracepoint": "tracepoints",
    "fentry": "fentry",
    "fexit": "fentry",
    "kprobe": "kprobes",
    "kretprobe": "kprobes",
    "counters": "kernel counters",
}
"""What a source's first word is called."""


@dataclass(frozen=True)
class Fact:
    """One thing that is known of the recording."""

    name: str
    value: str


def environment(analysis: Analysis, facts: RecordingFacts) -> list[Fact]:
    """What everybody asks first."""
    metadata = facts.metadata
    imported = f" (imported from {metadata.imported_from})" if metadata.imported_from else ""
    labels = [Fact("Labels", label_words(metadata.labels))] if metadata.labels else []
    return [
        *labels,
        Fact("Kernel", f"{_kernel(metadata)}, {_cpus(metadata)}"),
        Fact("Recorded", f"{utc(metadata.start_utc_ns)}, for {length_of(analysis, facts)}"),
        Fact("Memory", f"{_memory(metadata)}{_watermarks(metadata)}"),
        Fact("Multi-gen LRU", _lru_gen(metadata)),
        Fact("Balloon", _balloon(analysis, facts)),
        Fact("Traced by", _traced_by(metadata)),
        Fact("Recording", f"{facts.source}{imported}"),
        Fact("Command", clipped(shlex.join(metadata.command)) or "none"),
    ]


def more(analysis: Analysis, facts: RecordingFacts) -> list[Fact]:
    """What somebody asks who looks closer; what is not known is left out."""
    metadata, balloon = facts.metadata, facts.metadata.balloon
    listed = (
        ("Events", f"{count(analysis.accounting.events)}, {count(facts.lost_total)} lost"),
        ("Reclaimed", _reclaimed(analysis, facts)),
        ("Kernel build", metadata.kernel_version),
        ("Boot", metadata.boot_id),
        ("Balloon device", balloon.device or ""),
        ("Balloon features", ", ".join(balloon.features)),
        ("NUMA nodes", ", ".join(map(str, metadata.numa_nodes))),
        ("Recorder", f"reclaim-tracer {metadata.tool_version}" if metadata.tool_version else ""),
        ("Recorder's process", str(metadata.recorder_pid or "")),
        ("Transport", " ".join(filter(None, (metadata.transport, metadata.transport_reason)))),
        ("Buffer", bytes_(metadata.buffer_bytes) if metadata.buffer_bytes else ""),
        ("Queue", bytes_(metadata.queue_bytes) if metadata.queue_bytes else ""),
        ("Sampled every", f"{metadata.sample_interval_s:g} s"),
        ("LRU scans", "one event each" if metadata.lru_detail == "each" else f"summed per {metadata.lru_detail}"),
        ("Memory lock", metadata.memory_lock),
        ("Programs", metadata.programs),
        ("Cgroups", " ".join(filter(None, (metadata.cgroup_hierarchy, metadata.cgroup_hierarchy_reason)))),
    )
    return [Fact(name, value) for name, value in listed if value]


def _kernel(metadata: Metadata) -> str:
    return " ".join(filter(None, (metadata.kernel_release, metadata.machine))) or NOT_KNOWN


def _cpus(metadata: Metadata) -> str:
    return f"CPUs {NOT_KNOWN}" if metadata.cpus is None else plural(metadata.cpus, "CPU")


def _memory(metadata: Metadata) -> str:
    if not metadata.memory_total_bytes:
        return NOT_KNOWN
    nodes = f", {plural(len(metadata.numa_nodes), 'NUMA node')}" if len(metadata.numa_nodes) > 1 else ""
    return f"{bytes_(metadata.memory_total_bytes)}, {bytes_(metadata.page_size_bytes)} pages{nodes}"


def _watermarks(metadata: Metadata) -> str:
    """With what separates them from what stands before."""
    marks = (metadata.watermark_min_pages, metadata.watermark_low_pages, metadata.watermark_high_pages)
    if all(pages is None for pages in marks):
        return "; watermarks not known"
    shown = ", ".join(mib(pages, metadata.page_size_bytes) for pages in marks)
    return f"; watermarks min, low, high {shown}"


def _lru_gen(metadata: Metadata) -> str:
    if metadata.lru_gen_enabled is None:
        return NOT_KNOWN
    if not metadata.lru_gen_enabled:
        return "off"
    protects = f", min_ttl_ms {metadata.lru_gen_min_ttl_ms}" if metadata.lru_gen_min_ttl_ms else ""
    return f"on ({metadata.lru_gen_enabled:#x}){protects}"


def _balloon(analysis: Analysis, facts: RecordingFacts) -> str:
    balloon, size = facts.metadata.balloon, analysis.balloon.size
    if balloon.driver is None and not (size and size.highest_bytes):
        return no_balloon(facts)
    features = f"; {', '.join(balloon.features)}" if balloon.features else ""
    return f"{balloon.driver or 'unknown driver'}, reclaim path {analysis.balloon.reclaim_path}{features}"


def _traced_by(metadata: Metadata) -> str:
    """In a few words: how many kinds of event have a source, and by which ways."""
    if not metadata.plan:
        return NOT_KNOWN
    used = [row for row in metadata.plan if row.state is SourceState.USED]
    kinds = f"{count(len(metadata.kinds_traced))} of {count(len({row.what for row in metadata.plan}))} kinds of event"
    ways = Counter(_WAYS[word] for row in used if (word := row.source.partition(":")[0]) in _WAYS)
    by = f" by {listing([way for way, _ in ways.most_common()])}" if ways else ""
    return f"{kinds}{by}" if used else f"nothing: {kinds}"


def _reclaimed(analysis: Analysis, facts: RecordingFacts) -> str:
    reclaimed = known_sum(row.off_lru_pages for row in analysis.tiers) if analysis.tiers else None
    if reclaimed is None and not nothing_seen(analysis, facts):
        reclaimed = 0
    return mib(reclaimed, facts.metadata.page_size_bytes) + (" of LRU pages, every tier" if reclaimed else "")
