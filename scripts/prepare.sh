#!/bin/sh
# What `make setup` needs of the machine: `prepare.sh python` makes .venv, `prepare.sh java` checks Java.
# What is missing is installed through apt where we may (root, or sudo without a password); else one message says what to install.
set -eu

fail() {
    printf 'Error: %s\nWhat to do: %s\n' "$1" "$2" >&2
    exit 1
}

as_root() {
    if [ "$(id -u)" = 0 ]; then "$@"; else sudo -n "$@"; fi
}

apt_install() {
    command -v apt-get >/dev/null || return 1
    [ "$(id -u)" = 0 ] || sudo -n true 2>/dev/null || return 1
    echo "Installing $* through apt"
    as_root env DEBIAN_FRONTEND=noninteractive apt-get -qq -o DPkg::Lock::Timeout=120 update || return 1
    as_root env DEBIAN_FRONTEND=noninteractive apt-get -qq -y -o DPkg::Lock::Timeout=120 \
        install --no-install-recommends "$@" >/dev/null
}

find_python() {
    for name in python3 python3.14 python3.13 python3.12 python3.11; do
        if "$name" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
            command -v "$name"
            return
        fi
    done
    return 1
}

prepare_python() {
    [ ! -x .venv/bin/pip ] || return 0
    python=$(find_python) || { apt_install python3 python3-venv && python=$(find_python); } ||
        fail "Python 3.11 or later is needed" "install it (Debian, Ubuntu: apt-get install python3 python3-venv)"
    version=$("$python" -c 'import sys; print("python%d.%d" % sys.version_info[:2])')
    "$python" -c 'import ensurepip' 2>/dev/null || apt_install "$version-venv" ||
        fail "$python cannot make virtual environments (no ensurepip)" "install $version-venv (Debian, Ubuntu: apt-get install $version-venv)"
    echo "Making .venv with $python"
    "$python" -m venv .venv
}

java_is_new_enough() {
    if [ -n "${JAVA_HOME:-}" ]; then java="$JAVA_HOME/bin/java"; else java=java; fi
    major=$("$java" -version 2>&1 | sed -n 's/.*version "\([0-9]*\).*/\1/p' | head -1)
    [ "${major:-0}" -ge 17 ]
}

prepare_java() {
    java_is_new_enough || { [ -z "${JAVA_HOME:-}" ] && { apt_install openjdk-17-jre-headless || apt_install default-jre-headless; }; } ||
        fail "Java 17 or later is needed (found: ${major:-none} in ${JAVA_HOME:-PATH})" \
            "install it (Debian, Ubuntu: apt-get install openjdk-17-jre-headless; macOS: brew install openjdk@17), or set JAVA_HOME to it"
    java_is_new_enough || fail "The Java that apt installed is not the one on PATH" "put Java 17 or later first on PATH, or set JAVA_HOME"
}

"prepare_$1"
