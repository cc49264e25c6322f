"""The first lines: the state now, why, where events come from, and how their stream fares."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from textual.content import Content

from ..errors import printable
from ..live.model import Flow, Snapshot, Source, Standing, State
from ..terminal.cells import shorten, wrap
from ..wording.numbers import count, offset, plural, seconds, utc
from . import figures
from .styled import BAD, BOLD, DIM, STATE_STYLE, WARNING, Piece, fitted, joined, spread, styled

_WHERE_LEAST: Final = 12
"""Columns that a cgroup's path gets, however little room there is."""
_CPU_FROM: Final = 96
"""Columns from which on the shares of CPU are called so."""
ENDINGS: Final = {
    "closed": "the recording has ended",
    "cut": "the stream ended without its end mark; what came is kept",
}


def head(snapshot: Snapshot, width: int, height: int, *, title: str, clock: str, is_played: bool = False) -> Content:
    """All of it in so many lines; `clock` is what stands at the right of the second one."""
    lines = [_state(snapshot, width), spread(width, _why(snapshot), [(clock, BOLD)] if clock else [])]
    flow = fitted(width, *_flow(snapshot.flow, "CPU " if width >= _CPU_FROM else "", is_played=is_played))
    source = _source(snapshot.source, title, width, max(1, height - 3))
    return joined([*lines, *source, flow][:height])


def waiting_for_first(width: int, title: str) -> Content:
    """Before there is any state."""
    state: Piece = (f" {State.BLIND.upper()} ", STATE_STYLE[State.BLIND])
    return joined([fitted(width, state, " nothing seen yet"), fitted(width, (title, DIM))])


def _state(snapshot: Snapshot, width: int) -> Content:
    standing = snapshot.standing
    state: Piece = (f" {standing.state.upper()} ", STATE_STYLE[standing.state])
    lasts = max(0.0, snapshot.now_s - standing.since_s)
    since = f" {seconds(lasts)} since {figures.moment(standing.since_s)}"
    cost = _cost(standing)
    left = width - styled(state, since, "  ", *cost).cell_length
    where = shorten(printable(standing.where), max(_WHERE_LEAST, left - 1)) if standing.where else ""
    pieces: list[Piece] = [state, (f" {where}" if where else "", BOLD), since]
    # Where there is no room for all, the state and since when come first.
    fits = styled(*pieces, " ", *cost).cell_length <= width
    return spread(width, pieces, cost) if fits else fitted(width, *pieces, "  ", *cost)


def _cost(standing: Standing) -> list[Piece]:
    """What it has cost so far, what is not known last; there is nothing to say of a state that costs nothing."""
    parts = (
        ("waited", standing.waited_s, figures.time(standing.waited_s)),
        ("moved", standing.moved_bytes, figures.size(standing.moved_bytes)),
        ("re-read", standing.read_again_bytes, figures.size(standing.read_again_bytes)),
    )
    cost = [f"{name} {text}" for name, value, text in parts if value]
    if not cost and standing.state in {State.OK, State.BLIND}:
        return []
    unknown = [f"{name} ?" for name, value, _ in parts if value is None]
    return [" ".join([*cost, *unknown]) or "no cost seen"]


def _why(snapshot: Snapshot) -> list[Piece]:
    if snapshot.ended is not None:
        ended = ENDINGS.get(snapshot.ended, snapshot.ended)
        return [(f"{ended}; ", BAD if snapshot.ended == "cut" else WARNING), snapshot.standing.why]
    return [snapshot.standing.why]


def _source(source: Source, title: str, width: int, height: int) -> list[Content]:
    """In at most so many lines; what has no room is cut off."""
    text = "; ".join(_source_parts(source, title))
    first, *others = wrap(printable(text), width)
    shown = [first, *others[: height - 2], " ".join(others[height - 2 :])] if others and height > 1 else [text]
    return [fitted(width, (line, DIM)) for line in shown if line] + [Content("")] * (height - len(shown))


def _source_parts(source: Source, title: str) -> Iterator[str]:
    kernel = f"Linux {source.kernel_release}" if source.kernel_release else "kernel unknown"
    host = f"{source.host}, " if source.host and source.host != title else ""
    yield f"{title}: {host}{kernel}"
    yield source.balloon_driver or "no balloon driver seen"
    if source.reclaim_path:
        yield f"gives back by {source.reclaim_path}" if source.reclaim_path != "none" else "gives nothing back"
    if source.way:
        yield source.way
    if source.balloon_features:
        yield ", ".join(source.balloon_features)
    if source.start_utc_ns:
        yield f"since {utc(source.start_utc_ns)}"


def _flow(flow: Flow, cpu: str, *, is_played: bool) -> Iterator[Piece]:
    often = "?" if flow.events_per_s is None else count(flow.events_per_s)
    yield f"{often} events/s, "
    yield _lost(flow)
    if not is_played:
        # What is played lags behind nothing, and nobody records it.
        yield f", lag {figures.time(flow.lag_s)}"
        yield _cost_of("recorder", flow.recorder_cpu_share, flow.recorder_memory_bytes, cpu)
    yield _cost_of("view", flow.view_cpu_share, flow.view_memory_bytes, cpu)


def _lost(flow: Flow) -> Piece:
    if flow.lost_events:
        return (f"{count(flow.lost_events)} lost", BAD)
    return ("lost: unknown", WARNING) if flow.lost_unknown else "0 lost"


def _cost_of(name: str, cpu_share: float | None, memory_bytes: int | None, cpu: str) -> str:
    if cpu_share is None and memory_bytes is None:
        return f"; {name} ?"
    return f"; {name} {cpu}{figures.share(cpu_share)} {figures.size(memory_bytes)}"


def facts(snapshot: Snapshot, title: str) -> Iterator[Content]:
    """What has no room on the screen: the source unshortened, what could not be judged, all marks."""
    for part in _source_parts(snapshot.source, title):
        yield styled(part)
    yield styled(f"{plural(snapshot.flow.events, 'event')} so far")
    for each in snapshot.not_judged:
        yield styled(f"not judged: {each.kind}: {each.why}")
    for at_s, words in snapshot.marks:
        yield styled(f"mark at {offset(at_s)}: {words}")
