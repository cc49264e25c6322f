"""The section: scenes to choose from, the first one as a table for who has no script."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from itertools import groupby

from ...wording.numbers import count
from ..section import Content, Source
from ..table import Table
from ..timeline.packing import packed
from .looks import SPAN_LOOKS, Look
from .scene import SceneView


@dataclass(frozen=True)
class Option:
    """A scene that can be chosen."""

    place: int
    name: str


@dataclass(frozen=True)
class AnatomySection:
    """Scenes by group, and what is shown until another one is chosen; empty where no single spans are at hand."""

    groups: Sequence[tuple[str, Sequence[Option]]]
    name: str = ""
    about: str = ""
    shown: str = ""
    table: Table | None = None
    looks: Sequence[Look] = ()


def content(source: Source) -> Content | None:
    """None where the page was made without reading the recording again, or nothing is to be shown."""
    views = [SceneView.of(each, source.facts.metadata.start_ns, source.page_bytes) for each in source.anatomies]
    if not views:
        return None
    first, titles = views[0], [view.title for view in views]
    groups = [
        (name, [Option(at, title.name) for at, title in of])
        for name, of in groupby(enumerate(titles), lambda each: each[1].group)
    ]
    used = {row.kind for view in views for row in view.spans}
    looks = list({look.css: look for kind, look in SPAN_LOOKS.items() if kind in used}.values())
    shown = AnatomySection(groups, titles[0].name, titles[0].about, first.shown, first.table(), looks)
    data = {"looks": [asdict(look) for look in SPAN_LOOKS.values()], "scenes": [view.data() for view in views]}
    return Content(shown, {"packed": packed(data)}, gist=f"{count(len(views))} to choose from")
