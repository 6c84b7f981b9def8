"""Measures a client's round trips, and reads how long the server took for its commands."""
