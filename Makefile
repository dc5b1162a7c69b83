# Everything a contributor or a pipeline runs. A bare checkout needs Python 3.11 or newer, make and git.
# BUILD=<dir> puts all output elsewhere, so that two runs in one checkout do not meet.

BUILD ?= build
VENV := .venv
PYTHON := $(VENV)/bin/python
REQUIREMENTS := requirements.txt tests/requirements.txt $(wildcard tests/sandbox/requirements.txt)
SYSTEM_PATH := $(PATH)
export PATH := $(CURDIR)/$(VENV)/bin:$(PATH)

.PHONY: help setup lint unit

help: ## this list
	@sed -n 's/^\([a-z][a-z0-9.-]*\):.*## \(.*\)/  make \1\t\2/p' Makefile | expand -t 22

setup: ## the environment .venv; quick when it is up to date
	@PATH="$(SYSTEM_PATH)" python3 tests/tools/setup_environment.py $(VENV) $(REQUIREMENTS)

lint: setup ## ruff: rules and format
	ruff check .
	ruff format --check .

unit: setup ## unit and property tests: make unit ARGS='tests/unit/core -k policy'
	$(PYTHON) -m pytest $(ARGS)
