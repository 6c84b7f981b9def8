#!/usr/bin/env bash
# Install BullMQ 5 and 6 and Bull 4 for the tests of the queue probe, into tests/bullmq/node_modules,
# and an old BullMQ for Python, whose workers name no connection, into tests/bullmq/python-2.15.
# No lock file: it would hold download addresses.
set -euo pipefail
cd "$(dirname "$0")/../tests/bullmq"
npm install --no-package-lock --no-audit --no-fund --loglevel=error
[ -d python-2.15/bullmq ] || "${PYTHON:-python3}" -m pip install --quiet --disable-pip-version-check \
  --target python-2.15 'bullmq==2.15.0' 'redis==5.3.1'
