"""The page of a comparison: sections of its own in the report's frame."""
