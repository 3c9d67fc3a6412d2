"""Files that are whole or not there, and whose reading runs no code."""
