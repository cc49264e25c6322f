"""What adds up over a recording: tiers, shrinkers, waiting tasks, kills, and curves over time."""
