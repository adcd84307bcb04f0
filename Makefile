# `make demo` needs no root; `make test` needs root, because it installs the packages that it tests with.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help

PYTHON ?= python3
BIN := .venv/bin
PLUGINS := ansible_collections.npaci.rocks.plugins
PYTEST := $(BIN)/python -m pytest
# Run each folder in its own process: a server of one folder runs until its process ends.
INTEGRATION := $(sort $(patsubst %/,%,$(dir $(wildcard tests/integration/*/test_*.py))))
# Each has its own environment: .cache/platforms/NAME.
PLATFORMS := $(shell sed -nE 's/^([a-z0-9]+) +python .*/\1/p' tests/platforms.txt)
# Run two jobs at a time, because they often wait; print the output of each when it ends.
# A failure does not keep the other jobs from running.
TOGETHER := $(MAKE) --no-print-directory --keep-going --jobs=2 --output-sync=target

export PATH := $(CURDIR)/$(BIN):$(PATH)
export ANSIBLE_CONFIG := $(CURDIR)/ansible.cfg
export PYTHONDONTWRITEBYTECODE := 1
# Tests wait for lines in the logs of programs, which Python would keep in a buffer.
export PYTHONUNBUFFERED := 1

.PHONY: help demo try try-clean test lint imports unit integration mariadb platforms sanity molecule lab bench collection clean \
    $(INTEGRATION) $(PLATFORMS)

help:  ## list the targets
	@sed -nE 's/^([a-z-]+):.*## (.*)/\1|\2/p' Makefile | column -t -s '|'

demo: .venv/tests.ready  ## run the demonstration: no root, no virtual machine
	@demo/run

try: .venv/tests.ready  ## run a cluster of virtual machines from a DVD image: make try ISO=FILE
	@PYTHONPATH=.collections:tests $(BIN)/python -m tryout run "$(ISO)" $(if $(FOLDER),--folder "$(FOLDER)")

try-clean: .venv/tests.ready  ## switch these machines off, and remove them
	@PYTHONPATH=.collections:tests $(BIN)/python -m tryout clean $(if $(FOLDER),--folder "$(FOLDER)")

test: .venv/tests.ready .cache/packages.ready  ## run all tests that must pass
	@# Without support for containers, print the reason and run the other tests.
	@container=; if RUN=probe extensions/molecule/container able; then container=molecule; fi; \
	    $(TOGETHER) lint sanity $$container $(INTEGRATION) mariadb unit $(PLATFORMS)

lint: .venv/tests.ready .cache/packages.ready imports  ## check style, types, imports and documentation
	ruff check .
	ruff format --check --diff .
	$(BIN)/python tests/lint/readability.py
	bandit --quiet --configfile pyproject.toml --severity-level medium --recursive plugins xml/programs
	tests/lint/shell
	mypy -p $(PLUGINS)
	mypy tests demo xml/programs
	ansible-lint --offline -q
	antsibull-docs lint-collection-docs --plugin-docs --skip-rstcheck .
	antsibull-changelog lint

imports: .venv/tests.ready
	cd .collections && lint-imports --config ../pyproject.toml --cache-dir ../.cache/imports

unit: .venv/tests.ready  ## run the fast tests
	$(PYTEST) tests/unit

integration: .venv/tests.ready .cache/packages.ready  ## run the tests with real services
	@$(TOGETHER) $(INTEGRATION) mariadb

$(INTEGRATION): .venv/tests.ready .cache/packages.ready
	$(PYTEST) -q $@

mariadb: .venv/tests.ready .cache/packages.ready  ## run the tests of the database on a real server
	$(PYTEST) -q tests/unit/cluster --engine=mariadb

platforms:  ## run the unit tests with the libraries of each Enterprise Linux
	@$(TOGETHER) $(PLATFORMS)

$(PLATFORMS): .venv/tests.ready .cache/packages.ready
	tests/platform $@

sanity: .venv/tests.ready .cache/packages.ready  ## run ansible-test on the unpacked tarball
	tests/sanity

molecule: .venv/tests.ready .cache/packages.ready  ## test the frontend's role on a real systemd, in a container
	molecule test

lab: .venv/tests.ready .cache/packages.ready  ## run the stories on machines that boot
	tests/lab/run

bench: .venv/tests.ready .cache/packages.ready  ## measure, with baselines
	tests/benchmarks/run

collection: .venv/ready  ## build the tarball for ansible-galaxy
	ansible-galaxy collection build --force

clean:  ## remove everything that was built here
	rm -rf .venv .cache .hypothesis tests/output npaci-rocks-*.tar.gz

# The environment of the collection, and the additions of the tests.
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
