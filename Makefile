# Every task of the project. `make help` lists them; README.md, CONTRIBUTING.md and .ci/run call nothing else.
# A fresh machine needs git, make and Python >= 3.12. Everything is installed into $(VENV), from locks with hashes.

PYTHON ?= python3
VENV   ?= .venv
DATA   ?= mmpipe-data/demo
UP     ?= mmpipe-data
PAGE   ?= $(DATA)/search.html
MEDIA  ?= examples/media
TESTS  ?= tests
MODEL  ?= mmpipe-data/tiny
FOUND  ?= mmpipe-data/reliability.jsonl
# Tests that need no server are shared by two processes, a module at a time.
AT_ONCE ?= -n 2 --dist loadfile
# What protos/ must not break. On main itself that is the commit before, as far back as the clone goes.
PROTOS_BEFORE ?= $(shell git rev-parse --verify --quiet origin/main || git rev-parse HEAD)

BIN    := $(VENV)/bin
UV     := $(BIN)/uv pip install --quiet --compile-bytecode --python $(BIN)/python
MMPIPE := $(BIN)/mmpipe
BUF    := $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/mmpipe/bin/buf
RELIABILITY := $(addprefix e2e/control_plane/,test_crash_sweep.py test_faults.py test_restarts.py test_fuzz.py test_leadership.py)
SEARCH  = set -x; $(MMPIPE) search --data $(DATA) --top 3

MAKEFLAGS += --no-builtin-rules
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

.PHONY: help install dev services up demo search check check-protos fmt test test-unit servers cluster e2e-control-plane e2e-keda scaling reliability scale-curve floors bench protos docs lock model evaluate media changelog clean

help:  ## list every task
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / {printf "  make %-17s %s\n", $$1, $$2}' $(firstword $(MAKEFILE_LIST))

##@ Install and run

install: $(VENV)/.base  ## install mmpipe into .venv: one machine, all five modalities, no torch

dev: $(VENV)/.dev  ## add what tests, checks, training and PostgreSQL need (with torch, about 5 GB)

services: $(VENV)/.serve  ## add what the services need: gRPC, NATS, OpenTelemetry, PostgreSQL, Redis

up: services  ## run the whole pipeline as processes of this machine: queue, stages, gateway, worker
	PYTHON="$(PYTHON)" tests/servers/build.sh nats
	$(MMPIPE) up --data $(UP)

demo: install  ## run the pipeline over examples/media and search it across modalities
	$(MMPIPE) run $(MEDIA) --data $(DATA)
	@$(MAKE) --no-print-directory search

search: install  ## repeat the searches of the demo: words, pictures, sounds and films find each other
	@$(SEARCH) "something yellow that whistles" --modality image
	@$(SEARCH) "the ringing of a bell" --modality audio
	@$(SEARCH) --audio $(MEDIA)/drums/red-plain-drum.wav --modality video
	@$(SEARCH) --video $(MEDIA)/clocks/white-checked-clock.webm --modality text
	@$(SEARCH) --depth $(MEDIA)/horns/pink-dotted-horn.depth.png --modality image
	@$(SEARCH) "yellow" --audio $(MEDIA)/whistles/white-dotted-whistle.mp3 --modality fused --html $(PAGE)
	@echo "open file://$(abspath $(PAGE)) to see and hear the last answer"

##@ Change

check: dev  ## lint, format, types, import rules, sizes, links, generated pages: all that is not a test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python tools/check_sizes.py
	$(BIN)/python tools/check_links.py
	$(BIN)/python tools/make_reference.py --check
	$(BIN)/python tools/make_protos.py --check
	$(BIN)/python tools/make_chart.py --check

check-protos:  ## lint protos/, and refuse what would break clients of the protos on main
	PYTHON="$(PYTHON)" tests/servers/build.sh buf
	cd protos && $(BUF) lint && $(BUF) format --diff --exit-code
	cd protos && $(BUF) breaking --against '../.git#ref=$(PROTOS_BEFORE),subdir=protos'

fmt: dev  ## format, and mend what ruff can mend
	$(BIN)/ruff check --fix-only --quiet .
	$(BIN)/ruff format .

test: dev servers  ## run every test, those against real servers included; skipped ones say why
	$(BIN)/python -m pytest -rs $(AT_ONCE) $(TESTS)/unit
	$(BIN)/python -m pytest -rs --ignore $(TESTS)/unit $(TESTS)

test-unit: dev  ## run the tests that need no server
	$(BIN)/python -m pytest -rs $(AT_ONCE) tests/unit

servers:  ## build the servers that tests start: Milvus, PostgreSQL, S3, NATS, Redis, grpcurl (once, into ~/.cache/mmpipe)
	PYTHON="$(PYTHON)" tests/servers/build.sh

cluster: dev  ## keep a real control plane to try the operator on: its nodes are played, only the operator's pods really run
	$(BIN)/python -m e2e.cluster build
	$(BIN)/python -m e2e.cluster up

e2e-control-plane: dev servers  ## run the operator and its chart against a real API server, etcd and controllers, which it builds once (40 minutes)
	$(BIN)/python -m e2e.cluster build
	$(BIN)/python -m pytest -rs e2e/control_plane

e2e-keda: dev servers  ## the same with KEDA 2.21 as the scaler, which it builds once (10 minutes more)
	$(BIN)/python -m e2e.cluster build keda
	$(BIN)/python -m pytest -rs e2e/keda

scaling: dev servers  ## measure how soon replicas follow the queue, and write tables and plot into docs/scaling.md (25 minutes)
	$(BIN)/python -m e2e.cluster build
	PYTHONPATH=tools $(BIN)/python -m e2e.scaling

reliability: dev servers  ## kill the operator at every call, spoil every watch and call, try every field, and write docs/reliability.md (hours)
	$(BIN)/python -m e2e.cluster build
	mkdir -p $(dir $(FOUND)) && rm -f $(FOUND)
	$(BIN)/python -m pytest -rs $(RELIABILITY) --crash-points 0 --fuzz-fields 0 --full-faults --results $(FOUND)
	$(BIN)/python tools/make_reliability.py $(FOUND)

scale-curve: dev  ## measure the operator over 1 to 5,000 pipelines beside a plain kopf one, and write the curve into docs/reliability.md
	PYTHONPATH=tools $(BIN)/python -m bench.scale

floors: $(VENV)/.tools  ## run the unit tests over the oldest versions that pyproject.toml allows
	$(BIN)/uv venv --quiet --clear --python $(BIN)/python build/floors
	$(BIN)/uv pip install --quiet --python build/floors/bin/python --resolution lowest-direct --group test --editable '.[postgres,serve,operator]'
	build/floors/bin/python -m pytest -rs -W default $(TESTS)/unit

bench: dev  ## measure against hand-written loops and the field's usual code, as ratios
	$(BIN)/python -m bench

protos: dev  ## lint protos/ and write services/mmpipe/v1 anew from them
	PYTHON="$(PYTHON)" tests/servers/build.sh buf
	cd protos && $(BUF) lint && $(BUF) format --write
	$(BIN)/python tools/make_protos.py

docs: dev  ## write what is generated anew: the pages under docs/reference, the chart's CRD and values
	$(BIN)/python tools/make_chart.py
	$(BIN)/python tools/make_reference.py

##@ Renew what is committed

lock: $(VENV)/.tools  ## resolve the newest allowed versions into requirements/*.txt
	requirements/lock.sh $(BIN)/uv

model: dev  ## train builtin:tiny anew from its seed into mmpipe-data/tiny; goes on where it was stopped
	$(MMPIPE) model train-tiny --out $(MODEL) --resume

evaluate: install  ## measure builtin:tiny on held-out scenes: R@1, R@5 and mAP of every pair of modalities
	$(MMPIPE) model evaluate

media: dev  ## make the example files of examples/media anew from their seed
	$(BIN)/python examples/make_media.py

changelog: dev  ## show the changelog of the next release from changelog.d
	$(BIN)/towncrier build --draft --version next

clean:  ## remove what tasks have made, the environment and the demo's data included
	rm -rf $(VENV) mmpipe-data build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache

# Stamps: a file newer than what it was made from means there is nothing to do.

$(VENV)/.tools: requirements/install.txt
	@$(PYTHON) -c 'import sys; v = sys.version_info; v >= (3, 12) or sys.exit(f"mmpipe needs Python >= 3.12, but $(PYTHON) is {v.major}.{v.minor}: name a newer one, as in make PYTHON=python3.12")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r $<
	@touch $@

$(VENV)/.base: $(VENV)/.tools requirements/base.txt pyproject.toml
	$(UV) --require-hashes -r requirements/base.txt
	$(UV) --no-deps --no-build-isolation --editable .
	@touch $@

$(VENV)/.serve: $(VENV)/.base requirements/serve.txt
	$(UV) --require-hashes -r requirements/serve.txt
	@touch $@

$(VENV)/.dev: $(VENV)/.base requirements/dev.txt
	$(UV) --require-hashes -r requirements/dev.txt
	@touch $@
