"""A recording process: plan, collect, store, and its own footprint."""
