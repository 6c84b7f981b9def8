"""Benchmarks of a run: `python -m bench` writes docs/benchmarks.md.

Only counts, sizes, and ratios of two values measured in turn in the same run have bounds, so that
the results hardly depend on the speed of the machine.
"""
