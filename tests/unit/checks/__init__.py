"""The tests of `checks`."""
