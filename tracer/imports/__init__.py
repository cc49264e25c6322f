"""Other tracers' text and binary recordings become `.rtrace`. `docs/import.md` describes what is understood."""

from .importer import ImportRequest, ImportResult, import_trace, listed

__all__ = ["ImportRequest", "ImportResult", "import_trace", "listed"]
