"""Where balloon and reclaim work against each other: conflicts, cycles, oscillations, and what they cost."""
