"""What can be traced on this machine: gathered, and as text."""
