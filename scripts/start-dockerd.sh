#!/usr/bin/env bash
# Start a Docker daemon where none answers. Needs root and Debian's docker.io. Says what happened.
set -euo pipefail

readonly LOG=${DOCKERD_LOG:-/tmp/redis-runbook-dockerd.log}
readonly WAIT_S=30

answers() { timeout 5 docker info >/dev/null 2>&1; }

command -v docker >/dev/null || { echo "docker is not installed" >&2; exit 1; }
if answers; then
  echo "dockerd: answers already"
  exit 0
fi
command -v dockerd >/dev/null || { echo "dockerd is not installed" >&2; exit 1; }
if [ "$(id -u)" != 0 ]; then
  echo "no Docker daemon answers, and starting one needs root" >&2
  exit 1
fi

# In a session of its own, so that a Ctrl-C here does not end it.
setsid nohup dockerd >"$LOG" 2>&1 </dev/null &
pid=$!
started=$SECONDS
until answers; do
  if ! kill -0 "$pid" 2>/dev/null; then
    echo "dockerd ended at once; the end of $LOG:" >&2
    tail -5 "$LOG" >&2
    exit 1
  fi
  if [ $((SECONDS - started)) -ge "$WAIT_S" ]; then
    echo "dockerd does not answer after $WAIT_S s; the end of $LOG:" >&2
    tail -5 "$LOG" >&2
    exit 1
  fi
  sleep 0.2
done
echo "dockerd: started after $((SECONDS - started)) s, log in $LOG"
