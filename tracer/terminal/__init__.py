"""What a person reads in a terminal: results as text, tables, messages, progress, and how a process ends."""
