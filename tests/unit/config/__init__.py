"""The tests of `config`."""
