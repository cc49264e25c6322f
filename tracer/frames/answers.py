"""Answers to questions in SQL as frames."""

from __future__ import annotations

from typing import Any, Final

import pandas as pd

from ..analyze import Options
from ..sql.session import Answer, Session
from ..store.slicing import RecordingPart
from ..tables.library import library
from .columns import STRING_DTYPE

_DTYPES: Final[dict[str, Any]] = {
    "bool": pd.BooleanDtype(),
    "int64": pd.Int64Dtype(),
    "int32": pd.Int32Dtype(),
    "uint64": pd.UInt64Dtype(),
    "double": pd.Float64Dtype(),
    "string": STRING_DTYPE,
}
"""By Arrow's name of a type; others become what Arrow makes of them."""


def session_of(part: RecordingPart, options: Options) -> Session:
    """A session over one recording, or a part of it. Raises TracerError where a library is missing."""
    library("pyarrow")
    from ..sql.members import Member

    return Session([Member(part, options)])


def answer_frame(answer: Answer) -> pd.DataFrame:
    """All rows; a value that may be missing is NA. A sum of integers is an Int64 where it fits."""
    arrow = library("pyarrow")
    table = arrow.Table.from_batches([*answer.batches], schema=answer.schema)
    for place, field in enumerate(table.schema):
        if arrow.types.is_decimal(field.type) and field.type.scale == 0:
            table = table.set_column(place, field.name, _whole(table.column(place)))
    frame: pd.DataFrame = table.to_pandas(types_mapper=lambda each: _DTYPES.get(str(each)))
    return frame


def _whole(column: Any) -> Any:  # noqa: ANN401 - Arrow's
    arrow = library("pyarrow")
    try:
        return column.cast(arrow.int64())
    except arrow.ArrowInvalid:
        return column.cast(arrow.float64())
