#!/usr/bin/env bash
# Install BullMQ 5 and 6 and Bull 4 for the tests of the queue probe, into tests/bullmq/node_modules.
# No lock file: it would hold download addresses.
set -euo pipefail
cd "$(dirname "$0")/../tests/bullmq"
npm install --no-package-lock --no-audit --no-fund --loglevel=error
