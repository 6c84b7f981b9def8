"""One run inside pytest: from options to findings and an exit code."""
