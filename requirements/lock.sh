#!/bin/sh
# Resolve pyproject.toml into the locks beside this file: exact versions with the hashes of every file that fits, for
# every platform, and no address of a registry, so that any mirror serves them. Usage: requirements/lock.sh [UV]
set -eu

cd "$(dirname "$0")/.."
uv=${1:-uv}

compile() {
    lock=$1
    shift
    echo "requirements/$lock"
    "$uv" pip compile --quiet --upgrade --universal --python-version 3.12 --generate-hashes \
        --no-emit-index-url --no-annotate --custom-compile-command "make lock" \
        --output-file "requirements/$lock" "$@"
}

compile base.txt pyproject.toml
compile serve.txt pyproject.toml --extra postgres --extra serve --constraints requirements/base.txt
compile operator.txt pyproject.toml --extra postgres --extra operator --constraints requirements/serve.txt
compile dev.txt pyproject.toml --extra postgres --extra serve --extra operator --extra torch --group test --group check \
    --constraints requirements/operator.txt --constraints requirements/serve.txt
printf 'uv\nhatchling\n' | compile install.txt -
