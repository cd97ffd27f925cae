#!/usr/bin/env bash
# Builds the test image where it is missing, and prints its tag: a hash of what it is made from.
# Where no registry can be reached, the base image is made from Debian's packages by debootstrap.
# Usage: [BASE=image] scripts/test-image.sh
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/common.sh

scripts/docker-engine.sh

suite=bookworm
base=${BASE:-debian:$suite-slim}
version_of() { cat "$@" | sha256sum | cut -c 1-12; }
made_base=pg-gallery-base:$(version_of scripts/test-image.sh)
tag=pg-gallery-test:$(version_of scripts/test-image.sh Dockerfile scripts/test-image-entrypoint.sh - <<< "$base")

# The Debian packages that the Dockerfile installs, on one line.
packages() { sed -n '/apt-get install/,/&&/s/^ \+\([a-z0-9-]\+\) \\$/\1/p' Dockerfile | paste -sd ' '; }

exists() { docker image inspect "$1" > /dev/null 2>&1; }

# From where this machine takes Debian's own packages of the suite and its updates, as lines of a
# sources.list.
debian_sources() {
  # shellcheck disable=SC2016  # apt expands these, not the shell
  apt-get indextargets --format '$(ORIGIN) deb $(REPO_URI) $(RELEASE) $(COMPONENT)' 'Identifier: Packages' \
    | awk -v suite="$suite" '$1 == "Debian" && index($4, suite) == 1 && $5 == "main" { print $2, $3, $4, $5 }'
}

# How this machine's apt reaches its mirror: proxies, certificates, checks of dates.
apt_conf() {
  command -v apt-config > /dev/null || return 0
  apt-config dump Acquire | grep -E '^Acquire::(https?::|Check-)' || true
}

make_base() {
  local sources mirror
  may_install || die "The image $base can't be pulled, and only root on Debian can make one: docker load it, or set BASE=."
  command -v debootstrap > /dev/null || apt_install debootstrap
  sources=$(debian_sources)
  mirror=$(awk -v suite="$suite" '$3 == suite { print $2; exit }' <<< "$sources")
  [ -n "$mirror" ] || die "apt knows no mirror that has Debian's $suite."
  root=$(mktemp -d)
  trap 'rm -rf --one-file-system "$root" "$root.log"' EXIT
  say "Making the base image from Debian's packages: debootstrap $suite"
  debootstrap --variant=minbase --include=ca-certificates "$suite" "$root" "$mirror" > "$root.log" 2>&1 \
    || die "debootstrap failed: $(tail -n 5 "$root.log")"
  echo "$sources" > "$root/etc/apt/sources.list"
  tar --directory "$root" --create --one-file-system . | docker import - "$made_base" > /dev/null
}

# Prints the base image to build on: the one asked for where it can be had, else the one made here.
provide_base() {
  if ! exists "$base" && ! exists "$made_base"; then
    say "Pulling $base"
    timeout 300 docker pull --quiet "$base" > /dev/null 2>&1 || make_base
  fi
  if exists "$base"; then echo "$base"; else echo "$made_base"; fi
}

# build BASE: the proxies of this machine's environment and apt are those of the build, too.
build() {
  local variable output options=()
  for variable in http_proxy https_proxy no_proxy HTTP_PROXY HTTPS_PROXY NO_PROXY; do
    if [ -n "${!variable:-}" ]; then options+=(--build-arg "$variable"); fi
  done
  say "Building the test image $tag, with Debian packages: $(packages)"
  output=$(docker build --network host --tag "$tag" --build-arg "BASE=$1" \
    --build-arg "APT_CONF=$(apt_conf)" "${options[@]}" . 2>&1) || die "docker build failed:
$output"
}

if ! exists "$tag"; then
  from=$(provide_base)
  build "$from"
fi
echo "$tag"
