"""Containers, without Docker."""
