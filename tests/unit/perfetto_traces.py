"""Traces read back as Perfetto reads them: by its own protos, events of all packets by time."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from typing import Any

from perfetto.protos.perfetto.trace.perfetto_trace_pb2 import Trace, TrackEvent

BEGIN, END, INSTANT, COUNT = (
    TrackEvent.TYPE_SLICE_BEGIN,
    TrackEvent.TYPE_SLICE_END,
    TrackEvent.TYPE_INSTANT,
    TrackEvent.TYPE_COUNTER,
)


@dataclass
class ReadSlice:
    """One slice with its arguments, those of its end too."""

    track: str
    name: str
    start_ns: int
    end_ns: int
    depth: int
    args: dict[str, Any]
    flows: tuple[int, ...] = ()
    ends_flows: tuple[int, ...] = ()
    thread: tuple[int, int] | None = None
    parent: ReadSlice | None = None


@dataclass
class ReadTrace:
    """What a trace holds; raises AssertionError where it is not as Perfetto wants it."""

    slices: list[ReadSlice] = field(default_factory=list)
    instants: list[ReadSlice] = field(default_factory=list)
    counts: dict[str, list[tuple[int, float]]] = field(default_factory=lambda: defaultdict(list))
    tracks: dict[int, Any] = field(default_factory=dict)
    clocks: list[dict[int, int]] = field(default_factory=list)

    def named(self, name: str) -> list[ReadSlice]:
        """Slices of that name."""
        return [one for one in self.slices if one.name == name]

    def on(self, track: str) -> list[ReadSlice]:
        """Slices on the tracks of that name."""
        return [one for one in self.slices if one.track == track]


def read(data: bytes) -> ReadTrace:
    """Parse a trace and hold it against the rules of track events."""
    packets = Trace.FromString(data).packet
    found = ReadTrace()
    names: dict[str, dict[int, str]] = {"event": {}, "arg": {}, "string": {}}
    events = []
    sequences = Counter(packet.trusted_packet_sequence_id for packet in packets)
    assert len(sequences) == 1
    assert packets[0].sequence_flags == 1
    for packet in packets:
        _intern(packet, names)
        if packet.HasField("track_descriptor"):
            found.tracks[packet.track_descriptor.uuid] = packet.track_descriptor
        elif packet.HasField("clock_snapshot"):
            found.clocks.append({one.clock_id: one.timestamp for one in packet.clock_snapshot.clocks})
        elif packet.HasField("track_event"):
            assert packet.track_event.track_uuid in found.tracks, "an event before its track"
            events.append(
                (
                    packet.timestamp,
                    packet.track_event,
                    _args(packet.track_event, names),
                    _name(packet.track_event, names),
                )
            )
    _play(found, sorted(events, key=lambda event: event[0]))
    _check_flows(found)
    return found


def _intern(packet: Any, names: dict[str, dict[int, str]]) -> None:
    data = packet.interned_data
    names["event"] |= {one.iid: one.name for one in data.event_names}
    names["arg"] |= {one.iid: one.name for one in data.debug_annotation_names}
    names["string"] |= {one.iid: one.str.decode() for one in data.debug_annotation_string_values}


def _name(event: Any, names: dict[str, dict[int, str]]) -> str:
    return names["event"][event.name_iid] if event.name_iid else event.name


def _args(event: Any, names: dict[str, dict[int, str]]) -> dict[str, Any]:
    args: dict[str, Any] = {}
    for one in event.debug_annotations:
        name = names["arg"][one.name_iid] if one.name_iid else one.name
        kind = one.WhichOneof("value")
        value = getattr(one, kind)
        args[name] = names["string"][value] if kind == "string_value_iid" else value
    assert len(args) == len(event.debug_annotations)
    return args


def _play(found: ReadTrace, events: list[Any]) -> None:
    stacks: dict[int, list[ReadSlice]] = defaultdict(list)
    for time_ns, event, args, name in events:
        track = found.tracks[event.track_uuid]
        thread = (track.thread.pid, track.thread.tid) if track.HasField("thread") else None
        label = track.thread.thread_name if thread else track.name
        stack = stacks[event.track_uuid]
        if event.type == COUNT:
            value = event.counter_value if event.HasField("counter_value") else event.double_counter_value
            found.counts[label].append((time_ns, value))
        elif event.type == END:
            assert stack, f"an end without a begin on {label} at {time_ns}"
            ended = stack.pop()
            ended.end_ns = time_ns
            ended.args |= {f"end.{key}" if key in ended.args else key: value for key, value in args.items()}
        else:
            flows = tuple(event.flow_ids), tuple(event.terminating_flow_ids)
            parent = stack[-1] if stack else None
            one = ReadSlice(label, name, time_ns, time_ns, len(stack), args, *flows, thread, parent)
            (found.slices if event.type == BEGIN else found.instants).append(one)
            if event.type == BEGIN:
                stack.append(one)
    assert not any(stacks.values()), "slices that are not closed"


def _check_flows(found: ReadTrace) -> None:
    everything = found.slices + found.instants
    out = Counter(flow for one in everything for flow in one.flows)
    into = Counter(flow for one in everything for flow in one.ends_flows)
    assert out == into, "flows that lead nowhere"
    assert set(out.values()) <= {1}
