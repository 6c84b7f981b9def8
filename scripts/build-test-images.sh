#!/usr/bin/env bash
# Make the images that the container tests and the demo stack use, from the programs of this Debian machine and
# the libraries they load: no registry is needed, and each takes about a second. They take the
# same commands as the official images: the Redis one has no entrypoint and runs what it is told,
# the exporter is its entrypoint.
#
#   redis-runbook-test/redis:7          redis-server, redis-cli
#   redis-runbook-test/exporter:1.45    prometheus-redis-exporter
#   redis-runbook-test/iptables:1.8     iptables, for drills that lose packets
#   redis-runbook-test/prometheus:2.42  prometheus, for the demo stack
#   redis-runbook-test/node:20          node, for its worker
#
# Does nothing where the images are already made from these very programs.
set -euo pipefail

# make_image IMAGE PROGRAMS CHANGE…: an image of the programs (space-separated names, and paths of
# what they load by name), the libraries that they load and the folders that they write to.
make_image() {
  local image=$1 programs=$2
  shift 2
  local program files=()
  for program in $programs; do
    case $program in /*) files+=("$program"); continue ;; esac
    files+=("$(command -v "$program")") || { echo "$program is not installed" >&2; exit 1; }
  done
  local source
  source=$(cat "$0" "${files[@]}" | sha256sum | cut -c1-16)
  local made
  made=$(docker image inspect --format '{{ index .Config.Labels "redis-runbook-test.source" }}' \
    "$image" 2>/dev/null || true)
  if [ "$made" = "$source" ]; then
    echo "$image: there"
    return
  fi
  local root
  root=$(mktemp -d)
  # shellcheck disable=SC2064  # now is when $root is known
  trap "rm -rf '$root'" EXIT
  mkdir -p "$root/data" "$root/tmp"
  chmod 0755 "$root"
  chmod 1777 "$root/data" "$root/tmp"
  { printf '%s\n' "${files[@]}"; ldd "${files[@]}" | grep -o '/[^ :)]*' || true; } | sort -u \
    | xargs cp --dereference --parents --target-directory "$root"
  local changes=(--change "LABEL redis-runbook-test.source=$source")
  local change
  for change in "$@"; do changes+=(--change "$change"); done
  tar --create --numeric-owner --owner=0 --group=0 --directory "$root" . \
    | docker import "${changes[@]}" - "$image" >/dev/null
  # What the name pointed at before is of no use to anybody.
  docker image prune --force --filter label=redis-runbook-test.source >/dev/null
  echo "$image: made"
  rm -rf "$root"
}

make_image redis-runbook-test/redis:7 "redis-server redis-cli" \
  'ENV PATH=/usr/bin' 'WORKDIR /data' 'EXPOSE 6379' 'CMD ["redis-server"]'
make_image redis-runbook-test/exporter:1.45 prometheus-redis-exporter \
  'EXPOSE 9121' 'USER 59000:59000' 'ENTRYPOINT ["/usr/bin/prometheus-redis-exporter"]'
make_image redis-runbook-test/iptables:1.8 \
  "iptables /usr/lib/*/xtables/libxt_standard.so /usr/lib/*/xtables/libxt_hashlimit.so /usr/lib/*/xtables/libxt_tcp.so" \
  'ENV PATH=/usr/sbin'
make_image redis-runbook-test/prometheus:2.42 prometheus \
  'EXPOSE 9090' 'USER 59000:59000' 'ENTRYPOINT ["/usr/bin/prometheus"]'
make_image redis-runbook-test/node:20 node "ENV PATH=$(dirname "$(command -v node)")"
