"""Lines of the usual forms, many at a time: whatever is not certain here is left to the reading line by line."""
