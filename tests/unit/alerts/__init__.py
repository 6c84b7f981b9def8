"""The tests of `alerts`."""
