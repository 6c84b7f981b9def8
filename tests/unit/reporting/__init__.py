"""The tests of `reporting`."""
