"""`python -m redis_runbook` is `redis-runbook`."""

import sys

from redis_runbook.cli import main

sys.exit(main())
