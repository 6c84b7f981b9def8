"""Where things are in the checkout."""

from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
CHECKS = ROOT / "checks"
GUIDE = ROOT / "docs" / "guides" / "queue-findings.md"
BULLMQ = ROOT / "tests" / "bullmq"
"""The Node libraries, and what uses them."""
