"""Every table."""

from __future__ import annotations

from typing import Final

from .contention import BALLOON, CONFLICTS, CYCLES, FINDINGS, NOT_JUDGED, STEPS, STORMS
from .reclaim import CGROUPS, EPISODES, LADDER, RECLAIMERS, SHRINKERS, STALLS, TIERS
from .recorded import EVENT_TABLES, LOST, METADATA, SAMPLES, SOURCES, SPANS
from .table import Table

VERSION: Final = 1
"""Of all tables together. It rises where a column goes, or changes its type or meaning; new ones may come without."""

RECORDING_ID: Final = "recording_id"
"""The column that tables of several recordings are told apart by: 16 hex digits, the same for all copies of one."""

RESULT_TABLES: Final = (
    *(METADATA, SOURCES, NOT_JUDGED, FINDINGS),
    *(TIERS, LADDER, RECLAIMERS, EPISODES, STALLS, CGROUPS, SHRINKERS),
    *(BALLOON, STEPS, CONFLICTS, CYCLES, STORMS),
)
"""Those whose rows are there when a recording was read to its end."""

TABLES: Final[tuple[Table, ...]] = (*RESULT_TABLES, LOST, SPANS, SAMPLES, *EVENT_TABLES.values())
TABLE_BY_NAME: Final = {table.name: table for table in TABLES}
