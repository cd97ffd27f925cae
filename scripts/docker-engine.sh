#!/usr/bin/env bash
# Makes sure that a Docker engine answers. On Debian, as root, it is installed and started where
# missing; anywhere else the script says what to do, and fails.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/common.sh

log=${TMPDIR:-/tmp}/pg_gallery-dockerd.log

answers() { timeout 20 docker info > /dev/null 2>&1; }

install_engine() {
  local packages=(docker.io)
  # Newer Debian packages the client apart.
  if ! command -v docker > /dev/null && apt-cache show docker-cli > /dev/null 2>&1; then
    packages+=(docker-cli)
  fi
  apt_install "${packages[@]}"
}

# start_by_hand [OPTION…]: dockerd in the background; true once it answers.
start_by_hand() {
  say "Starting dockerd ${*:-without options} (log: $log)"
  setsid dockerd "$@" > "$log" 2>&1 < /dev/null &
  local pid=$! waited
  for ((waited = 0; waited < 60; waited++)); do
    if answers; then
      say "The Docker engine runs; stop it with: kill $pid"
      return 0
    fi
    kill -0 "$pid" 2> /dev/null || return 1
    sleep 1
  done
  kill "$pid"
  wait "$pid" || true
  return 1
}

start_engine() {
  if [ -d /run/systemd/system ]; then
    systemctl start docker && answers && return
  fi
  # A machine that lets us neither filter packets nor mount overlays can still run our containers.
  start_by_hand \
    || start_by_hand --iptables=false --ip6tables=false \
    || start_by_hand --iptables=false --ip6tables=false --storage-driver=vfs
}

answers && exit
may_install || die "No Docker engine answers. Start one (or install it: https://docs.docker.com/engine/install/)," \
  "or name a PostgreSQL server of your own: PG_GALLERY_TEST_URL=postgresql://…"
say "No Docker engine answers."
command -v dockerd > /dev/null || install_engine
start_engine || die "The Docker engine does not start; the last lines of its log:
$(tail -n 20 "$log")"
