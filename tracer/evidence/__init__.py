"""What results stand on, as rows: single events and spans of a recording, chosen by time, kind, task and cgroup."""
