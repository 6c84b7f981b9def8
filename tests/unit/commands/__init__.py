"""The tests of `commands`."""
