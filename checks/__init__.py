"""What must hold. One module a runbook topic; each test is one invariant of the catalogue."""
