#!/bin/sh
# Starts NiFi as the official image does: its state in nifi-current, its address from NIFI_WEB_HTTP_*.
set -eu
export JAVA_HOME=/usr/lib/jvm/java-25-openjdk-amd64
export NIFI_DATA=/opt/nifi/nifi-current NIFI_HOME=/opt/nifi/bundle NIFI_WORK=/tmp/nifi-work NIFI_WAIT=0
export NIFI_HTTP_HOST="$NIFI_WEB_HTTP_HOST" NIFI_HTTP_PORT="$NIFI_WEB_HTTP_PORT" NIFI_HEAP="$NIFI_JVM_HEAP_MAX"
exec bash /opt/nifi/bundle/nifi-start
