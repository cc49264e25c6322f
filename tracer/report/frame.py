"""A page as one document: template, styles, scripts, data and plotly, allowed to load nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from .assets import csp_hash, plotly_base64, scripts, styles
from .markup import script_json
from .section import Content, Of, Section
from .series import nested
from .templates import fill


@dataclass(frozen=True)
class Shown:
    """A section as the frame needs it."""

    id: str
    title: str
    template: str
    own: object
    gist: str
    folded: bool


def filled(sections: Sequence[Section[Of]], source: Of) -> list[tuple[Section[Of], Content]]:
    """The sections that have something to show, with their contents."""
    made = ((section, section.content(source)) for section in sections)
    return [(section, content) for section, content in made if content is not None]


def document(
    template: str, sections: Sequence[tuple[Section[Of], Content]], data: dict[str, Any], context: dict[str, object]
) -> str:
    """The whole document. `data` and each section's own, by its id, become the JSON that scripts read."""
    script = scripts(f"{section.id}.js" for section, _ in sections if section.script)
    charts = frozenset[str]().union(*(content.charts for _, content in sections))
    own = {section.id: content.data for section, content in sections if content.data is not None}
    return fill(
        template,
        {
            **context,
            "csp": csp_hash(script),
            "style": styles(f"{section.id}.css" for section, _ in sections if section.style),
            "script": script,
            "plotly": plotly_base64(charts) if charts else "",
            "data": script_json(nested({**data, "sections": own})),
            "sections": [
                Shown(
                    section.id,
                    section.title,
                    f"sections/{section.id}.html",
                    content.shown,
                    content.gist,
                    section.folded,
                )
                for section, content in sections
            ],
        },
    )
