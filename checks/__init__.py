"""The checks: one module for each runbook topic, one test for each invariant of the catalogue."""
