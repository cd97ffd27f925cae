#!/usr/bin/env bash
# Makes the virtual environment .venv with the package (editable) and its development tools.
# Usage: scripts/venv.sh [PYTHON], by default python3.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/common.sh

python=${1:-python3}
command -v "$python" > /dev/null || die "$python is not there: install Python 3.10 or newer, or name yours with PYTHON=."

# Debian packages the venv module apart from Python.
if ! "$python" -c 'import ensurepip, venv' 2> /dev/null; then
  may_install || die "$python has no venv module: install it (on Debian: apt-get install python3-venv)."
  apt_install python3-venv
fi

say "Installing into .venv: pg-gallery (editable) and what pyproject.toml lists under dev"
[ -x .venv/bin/python ] || "$python" -m venv .venv
.venv/bin/python -m pip install --quiet --disable-pip-version-check --editable '.[dev]'
