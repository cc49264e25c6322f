"""NUMA nodes: what was reclaimed on each, by tier and by the node's own kernel threads."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from ..analyze.model import Reclaimer, TierRow
from ..analyze.naming import row_label
from ..wording.numbers import count, plural, seconds
from .section import Content, Source
from .table import Cell, Column, Table, dash, efficiency, number, pages, unknown, word

_THREAD_COLUMNS: Final = (
    Column("Kernel thread"),
    Column("Node", True),
    Column("Spans", True, term="span"),
    Column("Busy", True, term="busy"),
    Column("Reclaimed", True),
    Column("Efficiency", True, term="efficiency"),
)


@dataclass(frozen=True)
class Nodes:
    """Pages by node and tier, None where none were told apart; nodes' kernel threads, None where none reclaimed."""

    table: Table | None
    threads: Table | None
    absent: str


def content(source: Source) -> Content:
    """What each node gave."""
    tiers = [row for row in source.analysis.tiers if any(row.node_pages.values())]
    nodes = sorted({node for row in tiers for node in row.node_pages} | {*source.facts.metadata.numa_nodes})
    threads = [reclaimer for row in source.analysis.tiers for reclaimer in row.reclaimers if reclaimer.nid is not None]
    table = _table(nodes, tiers, source.page_bytes) if tiers else None
    absent = f"No reclaim was told apart by node ({plural(len(nodes), 'node')})."
    shown = Nodes(table, _threads(threads, source.page_bytes), "" if table or threads else absent)
    return Content(shown, gist=absent if shown.absent else plural(len(nodes), "node"))


def _table(nodes: Sequence[int], tiers: Sequence[TierRow], page_bytes: int) -> Table:
    columns = (Column("Node"), *(Column(row_label(row).capitalize(), True) for row in tiers), Column("Together", True))
    rows = [[word(f"node {node}"), *_row(node, tiers, page_bytes)] for node in nodes]
    return Table("Reclaimed pages by NUMA node", columns, rows)


def _row(node: int, tiers: Sequence[TierRow], page_bytes: int) -> list[Cell]:
    of_node = [row.node_pages.get(node, 0) for row in tiers]
    return [*(pages(each, page_bytes) if each else dash() for each in of_node), pages(sum(of_node), page_bytes)]


def _threads(reclaimers: Sequence[Reclaimer], page_bytes: int) -> Table | None:
    if not reclaimers:
        return None
    rows = [
        [
            word(each.name, "code"),
            number(str(each.nid), each.nid or 0),
            number(count(each.spans), each.spans),
            unknown() if each.busy_s is None else number(seconds(each.busy_s), each.busy_s),
            pages(each.pages, page_bytes),
            efficiency(each),
        ]
        for each in reclaimers
    ]
    return Table("Kernel threads of a node", _THREAD_COLUMNS, rows, titled=True)
