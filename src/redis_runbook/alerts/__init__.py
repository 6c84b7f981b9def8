"""Prometheus' rules: implied by the configuration, matched by meaning, judged, written as files."""
