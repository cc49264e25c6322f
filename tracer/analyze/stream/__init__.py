"""From items in any order to rows in time order: pairing, spans, tiers, and the stretches that finders read."""
