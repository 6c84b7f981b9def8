"""Probes observe one thing each and return facts; they know no limits and no pytest."""
