"""Talks to the outside; every wait and every size is bounded."""
