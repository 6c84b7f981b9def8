#!/usr/bin/env bash
# Install the Debian packages that the tests need, where they are missing. Needs root for that.
#
#   redis-server                the Redis 7.0 (with TLS) that faults are injected into
#   redis-tools                 redis-benchmark, redis-cli
#   prometheus-redis-exporter   the exporter that is checked
#   prometheus                  scrapes it, and judges our alert rules (promtool)
#   prometheus-alertmanager     takes our routes and inhibitions (amtool)
#   docker.io, docker-registry  the container target, and where it pulls from
#   docker-compose              the demo stack
#   podman                      answers as Docker does
#   chromium                    looks at the HTML report
#   openssl, procps             certificates and process lists for the tests
#   nodejs, npm                 real BullMQ workers
#   icinga2-bin                 reads the perfdata of --output nagios
#   libmonitoring-plugin-perl   the same, as Nagios' own plugins do; with Perl it has prove, for TAP
#   monitoring-plugins-basic    negate, which runs us as a plugin
set -euo pipefail

PACKAGES=(redis-server redis-tools prometheus-redis-exporter prometheus prometheus-alertmanager docker.io docker-registry docker-compose podman chromium openssl procps)
PACKAGES+=(icinga2-bin libmonitoring-plugin-perl monitoring-plugins-basic)
# Any Node does, and not every machine has it from Debian.
command -v npm >/dev/null || PACKAGES+=(nodejs npm)

missing=()
for package in "${PACKAGES[@]}"; do
  status=$(dpkg-query --show --showformat '${Status}' "$package" 2>/dev/null || true)
  [ "$status" = "install ok installed" ] || missing+=("$package")
done
if [ ${#missing[@]} -eq 0 ]; then
  echo "test services: all installed"
  exit 0
fi
echo "test services: installing ${missing[*]}"
if [ "$(id -u)" != 0 ]; then
  echo "installing packages needs root: sudo $0" >&2
  exit 1
fi

# Installed, not started: the tests start their own on free ports. (Debian's way to say so;
# removed again, and left alone where the machine has a policy of its own.)
readonly POLICY=/usr/sbin/policy-rc.d
if [ ! -e "$POLICY" ]; then
  printf '#!/bin/sh\nexit 101\n' >"$POLICY"
  chmod +x "$POLICY"
  trap 'rm -f "$POLICY"' EXIT
fi
export DEBIAN_FRONTEND=noninteractive
readonly APT=(apt-get --quiet --yes -o Acquire::Retries=3 -o Acquire::http::Timeout=30 -o DPkg::Lock::Timeout=120)
timeout 300 "${APT[@]}" update
timeout 900 "${APT[@]}" install --no-install-recommends "${missing[@]}"
