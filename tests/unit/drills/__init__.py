"""The tests of `drills`."""
