"""Observes the configured containers, through the Docker API, and reads their logs."""
