"""What a scene is called, and what it is about."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from ...analyze.model import Cycle, Finding
from ...analyze.naming import tier_title
from ...evidence.longest_wait import Wait
from ...evidence.scenes import Scene, SceneKind
from ...wording.numbers import duration, mib, offset, seconds
from ..clipping import clean

GROUPS: Final = {
    SceneKind.CYCLE: "Costliest",
    SceneKind.WAIT: "Costliest",
    SceneKind.KILL: "Kills",
    SceneKind.FINDING: "Findings",
}
"""What scenes are grouped under where they are chosen."""


@dataclass(frozen=True)
class Title:
    """`name` as in a list, `about` as a sentence or two."""

    name: str
    about: str
    group: str


def title_of(scene: Scene, page_bytes: int) -> Title:
    """The name and what it is about."""
    subject, group = scene.subject, GROUPS[scene.kind]
    if isinstance(subject, Cycle):
        return Title(f"Costliest cycle: {subject.id}, {subject.cycle_class}", _cycle(subject, page_bytes), group)
    if isinstance(subject, Wait):
        took = duration(subject.length_ns)
        name = f"{clean(subject.comm)} ({subject.tid})"
        about = f"{name} waited {took} in one span of tier {int(subject.tier)} {tier_title(subject.tier)}."
        return Title(f"Longest wait: {name}, {took}", about, group)
    kind = subject.kind if scene.kind is SceneKind.FINDING else f"Kill ({subject.kind})"
    return Title(f"{kind} at {offset(subject.start_s)}", f"{clean(subject.text)}{_part(scene, subject)}", group)


def _cycle(cycle: Cycle, page_bytes: int) -> str:
    out, back, moved = (mib(n, page_bytes) for n in (cycle.leaked_pages, cycle.reinflated_pages, cycle.wasted_pages))
    return f"{out} left the balloon and {back} came back: {moved} moved for nothing."


def _part(scene: Scene, finding: Finding) -> str:
    if scene.whole:
        return ""
    shown, of = seconds((scene.to_ns - scene.from_ns) / 1e9), seconds(finding.end_s - finding.start_s)
    return f" Shown are {shown} of its {of}: {scene.part}."
