"""The tests of `probes`."""
