"""The tests of `session`."""
