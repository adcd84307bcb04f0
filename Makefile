# The one front door.  `make demo` needs no root; `make test` installs the packages that it needs and wants root for it.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help

PYTHON ?= python3
BIN := .venv/bin
LIBRARY := ansible_collections.npaci.rocks.plugins.module_utils
PYTEST := $(BIN)/python -m pytest
# Each folder in a process of its own: a server that one of them starts is kept as long as its process.
INTEGRATION := $(sort $(patsubst %/,%,$(dir $(wildcard tests/integration/*/test_*.py))))
# Each in an environment of its own: .cache/platforms/NAME.
PLATFORMS := $(shell sed -nE 's/^([a-z0-9]+) +python .*/\1/p' tests/platforms.txt)
# Two at a time, since much of it waits; each tells what it has to say when it has ended.
TOGETHER := $(MAKE) --no-print-directory --jobs=2 --output-sync=target

export PATH := $(CURDIR)/$(BIN):$(PATH)
export ANSIBLE_CONFIG := $(CURDIR)/ansible.cfg
export PYTHONDONTWRITEBYTECODE := 1

.PHONY: help demo test lint imports unit integration mariadb platforms sanity molecule lab bench collection clean \
    $(INTEGRATION) $(PLATFORMS)

help:  ## this list
	@sed -nE 's/^([a-z]+):.*## (.*)/\1|\2/p' Makefile | column -t -s '|'

demo: .venv/tests.ready  ## the main job on the embedded default: no root, no virtual machine
	@demo/run

test: .venv/tests.ready .cache/packages.ready  ## everything that must pass
	@# Where no such container can run, one sentence says so, and the rest is tested.
	@container=; if RUN=probe extensions/molecule/container able; then container=molecule; fi; \
	    $(TOGETHER) lint sanity $$container $(INTEGRATION) mariadb unit $(PLATFORMS)

lint: .venv/tests.ready imports  ## style, types, who imports whom, documentation
	ruff check .
	ruff format --check --diff .
	mypy -p $(LIBRARY)
	ansible-lint --offline -q
	antsibull-docs lint-collection-docs --plugin-docs --skip-rstcheck .
	antsibull-changelog lint

imports: .venv/tests.ready
	cd .collections && lint-imports --config ../pyproject.toml --cache-dir ../.cache/imports

unit: .venv/tests.ready  ## the fast tests
	$(PYTEST) tests/unit

integration: .venv/tests.ready .cache/packages.ready  ## the tests with real services
	@$(TOGETHER) $(INTEGRATION) mariadb

$(INTEGRATION): .venv/tests.ready .cache/packages.ready
	$(PYTEST) -q $@

mariadb: .venv/tests.ready .cache/packages.ready  # the database's rules once more, on a real server
	$(PYTEST) -q tests/unit/cluster --engine=mariadb

platforms:  ## unit tests on the libraries of each Enterprise Linux
	@$(TOGETHER) $(PLATFORMS)

$(PLATFORMS): .venv/tests.ready .cache/packages.ready
	tests/platform $@

sanity: .venv/tests.ready .cache/packages.ready  ## ansible-test on what ships: the built tarball, unpacked
	tests/sanity

molecule: .venv/tests.ready .cache/packages.ready  ## the frontend's role on a real systemd, in a container
	molecule test

lab: .venv/tests.ready .cache/packages.ready  ## the stories on machines that boot
	tests/lab/run

bench: .venv/tests.ready .cache/packages.ready  ## ours beside the baselines
	tests/benchmarks/run

collection: .venv/ready  ## the tarball for ansible-galaxy
	ansible-galaxy collection build --force

clean:  ## everything that was built here
	rm -rf .venv .cache .hypothesis tests/output npaci-rocks-*.tar.gz

# The environment of the collection, and what the tests add to it.
.venv/ready: requirements.txt
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --disable-pip-version-check -r requirements.txt
	touch $@

.venv/tests.ready: .venv/ready requirements.txt tests/requirements.txt
	$(BIN)/pip install --quiet --disable-pip-version-check -r tests/requirements.txt
	touch $@

.cache/packages.ready: tests/packages.txt
	tests/install-packages tests/packages.txt
	mkdir -p .cache && touch $@
