"""The live view in a terminal: the only room that knows Textual. It shows snapshots and computes nothing."""
