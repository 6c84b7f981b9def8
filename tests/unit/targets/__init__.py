"""The tests of `targets`."""
