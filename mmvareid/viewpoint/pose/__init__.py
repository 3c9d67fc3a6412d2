"""Bodies as points: read from files, and brought to one size and place."""
