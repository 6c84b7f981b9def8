"""The history of runs in a report folder: what it keeps, and what it tells."""
