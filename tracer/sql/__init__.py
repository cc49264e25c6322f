"""Questions in SQL to recordings: DuckDB's, over the tables of `tracer/tables`, reading what a question needs."""
