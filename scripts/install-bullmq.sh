#!/usr/bin/env bash
# Install BullMQ 5 and 6 and Bull 4 for the tests of the queue probe, into tests/bullmq/node_modules,
# and an old BullMQ for Python, whose workers name no connection, into tests/bullmq/python-2.15.
# What is locked is installed, by its hashes; the locks hold no download addresses (see .npmrc).
# Does nothing where that is done already.
set -euo pipefail
cd "$(dirname "$0")/../tests/bullmq"
if [ ! node_modules/.package-lock.json -nt package-lock.json ]; then
  npm ci --ignore-scripts --no-audit --no-fund --loglevel=error
fi
if [ ! python-2.15/bullmq -nt python-2.15.lock ]; then
  rm -rf python-2.15
  "${PYTHON:-python3}" -m pip install --quiet --disable-pip-version-check --require-hashes \
    --target python-2.15 --requirement python-2.15.lock
fi
