#!/bin/sh
# Compose with this project's file and name: `docker compose` where it is, else docker-compose 1.29.
#   sh docker/compose.sh ps
# COMPOSE_PROFILES chooses (core,ui,…; all without), OVERRIDE adds a file on top of docker/compose.yaml.
set -eu
cd "$(dirname "$0")/.."

if docker compose version >/dev/null 2>&1; then
    compose="docker compose"
elif command -v docker-compose >/dev/null 2>&1; then
    compose="docker-compose"
else
    echo "Error: neither 'docker compose' nor docker-compose is there" >&2
    echo "  What to do: install Docker with its compose plugin; without Docker, 'make up' and 'courant cluster up' do" >&2
    exit 16
fi

export COMPOSE_PROFILES="${COMPOSE_PROFILES:-core,ui}"
# shellcheck disable=SC2086 - the words of these variables are meant to be words
exec $compose -p "${PROJECT:-courant}" -f docker/compose.yaml ${OVERRIDE:+-f $OVERRIDE} "$@"
