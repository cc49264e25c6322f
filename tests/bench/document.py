"""The rows as docs/performance.json keeps them, and the tables that docs/performance.md shows of them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from itertools import groupby
from pathlib import Path
from typing import Any

from .rows import Row

DOCS = Path(__file__).parents[2] / "docs"
JSON_PATH, TEXT_PATH = DOCS / "performance.json", DOCS / "performance.md"
BEGIN, END = "<!-- tables: begin (made by `make bench`) -->", "<!-- tables: end -->"
_HEAD = "| | ours | peer | | unit | ratio | rounds |\n|---|---:|---:|---|---|---:|---:|"


def result(machine: str, rows: Iterable[Row], **more: object) -> dict[str, Any]:
    """What docs/performance.json holds."""
    return {"machine": machine, **more, "rows": [row.as_json() for row in rows]}


def kept(path: Path = JSON_PATH) -> dict[str, Any]:
    """What docs/performance.json holds now."""
    found: dict[str, Any] = json.loads(path.read_text())
    return found


def merged(kept: dict[str, Any], found: dict[str, Any]) -> dict[str, Any]:
    """`kept` with the groups of rows of `found`, a run of some suites, each with how busy the machine was in that run.

    Raises ValueError where they are of different machines.
    """
    if kept["machine"] != found["machine"]:
        raise ValueError(f"rows of one machine are kept: {kept['machine']}; this is {found['machine']}")
    groups = {row["group"]: found["load_average"] for row in found["rows"]}
    rows = [row for row in kept["rows"] if row["group"] not in groups]
    return kept | {"rows": rows + found["rows"], "measured_apart": kept.get("measured_apart", {}) | groups}


def write(found: dict[str, Any], json_path: Path = JSON_PATH, text_path: Path = TEXT_PATH) -> None:
    """Keep the result, and put its tables between the text's markers. Raises ValueError where there are no markers."""
    text = with_tables(text_path.read_text(), tables(found))
    write_json(found, json_path)
    text_path.write_text(text)


def write_json(found: dict[str, Any], path: Path) -> None:
    """Keep the result alone."""
    path.write_text(json.dumps(found, indent=1) + "\n")


def with_tables(text: str, made: str) -> str:
    """`text` with `made` between its markers."""
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"no markers for the tables: {BEGIN} ... {END}")
    return f"{before}{BEGIN}\n{made}\n{END}{after}"


def between_markers(text: str) -> str:
    """What stands between the markers."""
    return text.partition(BEGIN)[2].partition(END)[0].strip("\n")


def tables(found: dict[str, Any]) -> str:
    """Markdown: the machine, then a table a group with what is to be said of its rows."""
    rows = [Row.from_json(data) for data in found["rows"]]
    parts = [f"Machine: {found['machine']}."]
    for group, of_group in groupby(rows, key=lambda row: row.group):
        chosen = list(of_group)
        parts += [f"### {group}", "\n".join([_HEAD, *map(_line, chosen)])]
        if group in found.get("measured_apart", {}):
            parts.append(f"Measured apart from the rest, at a load average of {found['measured_apart'][group]}.")
        if notes := list(_notes(chosen)):
            parts.append("\n".join(notes))
    return "\n\n".join(parts)


def _line(row: Row) -> str:
    budget = f" (budget: {row.budget})" if row.budget else ""
    cells = [
        f"{row.what}{budget}<br>`{row.name}`",
        number(row.ours),
        number(row.peer),
        row.peer_name,
        row.unit,
        _ratio(row),
        str(row.rounds),
    ]
    return f"| {' | '.join(cells)} |"


def _notes(rows: Iterable[Row]) -> Iterator[str]:
    for row in rows:
        if row.note:
            yield f"- `{row.name}`: {row.note}"


def _ratio(row: Row) -> str:
    if row.ratio is None:
        return "-"
    spread = (
        "" if row.ratio_low is None or row.rounds < 2 else f" ({number(row.ratio_low)} to {number(row.ratio_high)})"
    )
    return f"**{number(row.ratio)}**{spread}"


def number(value: float | None) -> str:
    """Three significant digits, thousands apart; a dash for None."""
    if value is None:
        return "-"
    if abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.3g}"
