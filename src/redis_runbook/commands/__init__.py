"""The commands of `redis-runbook`, one file each."""
