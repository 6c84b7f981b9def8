"""The tests of `probes/exporter`."""
