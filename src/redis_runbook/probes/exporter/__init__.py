"""Reads the metrics of a redis_exporter, and compares them with the server's INFO."""
