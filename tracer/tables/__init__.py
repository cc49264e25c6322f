"""What a recording and its analysis are as tables: names, columns, types, units, for frames, exports and SQL alike."""
