"""Prometheus, its tools, exporters, and FAKE Grafana."""
