"""What a recording says at this moment, while it goes on: plain data for the screen, for lines and for JSON."""
