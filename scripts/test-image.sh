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
made_base=pg-gallery-base:$suite
tag=pg-gallery-test:$({ echo "$base"; cat Dockerfile scripts/test-image-entrypoint.sh; } | sha256sum | cut -c 1-12)

exists() { docker image inspect "$1" > /dev/null 2>&1; }

# The mirror from which this machine takes Debian's own packages.
debian_mirror() {
  # shellcheck disable=SC2016  # apt expands these, not the shell
  apt-get indextargets --format '$(ORIGIN) $(COMPONENT) $(REPO_URI)' 'Identifier: Packages' \
    | awk '$1 == "Debian" && $2 == "main" { print $3; exit }'
}

# How this machine's apt reaches its mirror: proxies, certificates, checks of dates.
apt_conf() {
  command -v apt-config > /dev/null || return 0
  apt-config dump Acquire | grep -E '^Acquire::(https?::|Check-)' || true
}

make_base() {
  local mirror
  may_install || die "The image $base can't be pulled, and only root on Debian can make one: docker load it, or set BASE=."
  command -v debootstrap > /dev/null || apt_install debootstrap
  mirror=$(debian_mirror)
  [ -n "$mirror" ] || die "apt knows no mirror of Debian's main archive."
  root=$(mktemp -d)
  trap 'rm -rf "$root" "$root.log"' EXIT
  say "Making the base image from Debian's packages: debootstrap $suite"
  debootstrap --variant=minbase --include=ca-certificates "$suite" "$root" "$mirror" > "$root.log" 2>&1 \
    || die "debootstrap failed: $(tail -n 5 "$root.log")"
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
  say "Building the test image $tag"
  output=$(docker build --network host --tag "$tag" --build-arg "BASE=$1" \
    --build-arg "APT_CONF=$(apt_conf)" "${options[@]}" . 2>&1) || die "docker build failed:
$output"
}

if ! exists "$tag"; then
  from=$(provide_base)
  build "$from"
fi
echo "$tag"
