"""The tests of `judging`."""
