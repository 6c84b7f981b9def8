#!/usr/bin/env bash
# The demo stack of deploy/compose: `scripts/demo.sh` brings it up, checks it until it is healthy, and takes it down.
#
#   scripts/demo.sh up | down    one of these alone
#
# Needs Docker with Compose. Where the images cannot be pulled, others are made of this Debian machine's programs.
set -euo pipefail
cd "$(dirname "$0")/.."
readonly STACK=deploy/compose PROJECT=redis-runbook-demo
readonly RUNBOOK=${RUNBOOK:-.venv/bin/redis-runbook}

compose() {
  local command=(docker compose)
  docker compose version >/dev/null 2>&1 || command=(docker-compose)
  "${command[@]}" --project-name "$PROJECT" --file "$STACK/compose.yml" "$@"
}

choose_images() {
  local image
  image=$(sed -n 's/.*REDIS_IMAGE:-\([^}]*\)}.*/\1/p' "$STACK/compose.yml" | head -1)
  if [ -z "${REDIS_IMAGE:-}" ] && ! docker image inspect "$image" >/dev/null 2>&1 \
    && ! timeout 60 docker pull --quiet "$image" >/dev/null 2>&1; then
    echo "demo: the images cannot be pulled; they are made here"
    scripts/build-test-images.sh
    export REDIS_IMAGE=redis-runbook-test/redis:7 EXPORTER_IMAGE=redis-runbook-test/exporter:1.45
    export PROMETHEUS_IMAGE=redis-runbook-test/prometheus:2.42 NODE_IMAGE=redis-runbook-test/node:20
  fi
  if [ ! -d "$STACK/app/node_modules" ]; then
    if command -v npm >/dev/null; then
      npm ci --prefix "$STACK/app" --ignore-scripts --no-audit --no-fund --loglevel=error
    else
      docker run --rm --volume "$PWD/$STACK/app:/app" --workdir /app node:20-alpine npm ci --ignore-scripts
    fi
  fi
}

up() {
  choose_images
  "$RUNBOOK" rules --config "$STACK/runbook.toml" --output "$STACK/rules.yml"
  compose up --detach
}

down() {
  compose down --volumes --timeout 2
}

case "${1:-all}" in
  up) up ;;
  down) down ;;
  all)
    trap down EXIT
    up
    "$RUNBOOK" smoke --wait 120 --config "$STACK/runbook.toml"
    ;;
  *) echo "usage: $0 [up|down]" >&2; exit 4 ;;
esac
