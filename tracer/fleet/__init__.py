"""Many recordings as one: what each comes to as tables, kept as fragments, and what all of them tell together."""
