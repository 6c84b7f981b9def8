"""Talks to a Docker daemon, or what speaks its API (Podman). Imported where it is needed only."""
