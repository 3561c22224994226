#!/bin/sh
# Builds what docker/offline/compose.yaml wants, from Debian's packages and the package registries alone.
# Needs root (debootstrap), and leaves the images courant-base:bookworm, courant-base:sid, courant and
# courant-offline-kafka, -mysql, -mongo; and -nifi where COURANT_REAL_NIFI names a NiFi (packed, or its folder;
# else the one beside this repository). A second run builds only what changed.
set -eu
cd "$(dirname "$0")/../.."

base() { # SUITE: a Debian base image with this machine's certificates, which a registry's mirror may need
    docker image inspect "courant-base:$1" >/dev/null 2>&1 && return
    folder=$(mktemp -d)
    debootstrap --variant=minbase "$1" "$folder" http://deb.debian.org/debian >&2
    mkdir -p "$folder/usr/local/share/ca-certificates"
    cp /usr/local/share/ca-certificates/*.crt "$folder/usr/local/share/ca-certificates/" 2>/dev/null || true
    rm -rf "$folder"/var/cache/apt/archives/*.deb
    tar -C "$folder" -c . | docker import \
        --change 'ENV PIP_CERT=/etc/ssl/certs/ca-certificates.crt' \
        --change 'ENV SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt' - "courant-base:$1" >&2
    rm -rf "$folder"
}

base bookworm
base sid
export DOCKER_BUILDKIT=0
docker build --network host --build-arg BASE=courant-base:bookworm -t courant:latest -f docker/spark/Dockerfile .
docker build --network host -t courant-offline-kafka:latest -f docker/offline/kafka.Dockerfile docker/offline
docker build --network host --build-arg SID=courant-base:sid -t courant-offline-mysql:latest \
    -f docker/offline/mysql.Dockerfile docker/offline
docker build --network host --build-arg SID=courant-base:sid ${GOPROXY:+--build-arg GOPROXY="$GOPROXY"} \
    -t courant-offline-mongo:latest -f docker/offline/mongo.Dockerfile docker/offline

nifi=${COURANT_REAL_NIFI:-../shared/nifi/nifi-2.8.0-min.tar.xz}
if [ -e "$nifi" ]; then
    folder=$(mktemp -d)
    mkdir "$folder/nifi"
    if [ -d "$nifi" ]; then cp -r "$nifi/." "$folder/nifi"; else tar -C "$folder/nifi" --strip-components 1 -xf "$nifi"; fi
    cp docker/offline/nifi.sh "$folder"
    docker build --network host --build-arg SID=courant-base:sid -t courant-offline-nifi:latest \
        -f docker/offline/nifi.Dockerfile "$folder"
    rm -rf "$folder"
else
    echo "No NiFi at $nifi: the profile nifi has no local image" >&2
fi
