"""The tests of `probes/latency`."""
