"""What a run costs, measured: `python -m bench` writes docs/benchmarks.md.

Everything that is held to a bound is a ratio of two things measured in turn in the same run, a
count, or a size; so it says much the same on a fast machine and on a slow one.
"""
