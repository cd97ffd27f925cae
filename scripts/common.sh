# shellcheck shell=bash
# What the scripts beside this file share; sourced, not run. Messages go to standard error, since some
# of the scripts print a result.

say() { printf '==> %s\n' "$*" >&2; }

die() {
  printf 'error: %s\n' "$*" >&2
  exit 1
}

# May packages be installed here: Debian (or a kin of it), and we are root.
may_install() { [ "$(id -u)" -eq 0 ] && [ -f /etc/debian_version ] && command -v apt-get > /dev/null; }

apt_install() {
  local output
  say "Installing Debian packages: $*"
  output=$(apt-get update -qq 2>&1) || say "Not every package list could be brought up to date; going on."
  output=$(DEBIAN_FRONTEND=noninteractive apt-get install --yes -qq --no-install-recommends \
    -o DPkg::Lock::Timeout=300 "$@" 2>&1 < /dev/null) || die "apt-get install failed:
$output"
}
