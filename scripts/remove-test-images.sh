#!/usr/bin/env bash
# Removes the containers that interrupted tests have left, the test images, and the base made for them.
set -euo pipefail
cd "$(dirname "$0")/.."

docker info > /dev/null 2>&1 || exit 0
docker ps --all --quiet --filter label=pg-gallery=test | xargs --no-run-if-empty docker rm --force --volumes
docker images --quiet --filter 'reference=pg-gallery-*' | xargs --no-run-if-empty docker rmi --force
