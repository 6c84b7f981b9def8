"""Answers as they may be, changed at random: an error that is ours, and never another."""
