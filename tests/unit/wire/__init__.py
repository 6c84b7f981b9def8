"""The tests of `wire`."""
