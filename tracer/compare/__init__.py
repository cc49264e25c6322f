"""Recordings side by side: what differs, how sure one can be of it, and what makes them incomparable."""
