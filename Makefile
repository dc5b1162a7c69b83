# Everything a contributor or a pipeline runs. A bare checkout needs Python 3.11 or newer, make and git.
# BUILD=<dir> puts all output elsewhere, so that two runs in one checkout do not meet.

BUILD ?= build
VENV := .venv
PYTHON := $(VENV)/bin/python
TOOLS := tests/tools
TO_RUN := requirements.txt tests/requirements.txt tests/sandbox/requirements.txt
REQUIREMENTS := $(TO_RUN) tests/requirements-lint.txt
COLLECTION := ansible_collections/fleetops/argocd
COPY := $(BUILD)/collections/$(COLLECTION)
# The ansible-cores of meta/runtime.yml, oldest first.
CORES := 2.16 2.17 2.18 2.19 2.20 2.21
STEPS := integration integration-module sanity unit lint types ansible-lint docs-lint changelog-lint

SYSTEM_PATH := $(PATH)
export PATH := $(CURDIR)/$(VENV)/bin:$(PATH)
# ansible-test keeps what it makes in its home; see tests/tools/make_home.py.
HOME_DIRECTORY := $(abspath $(BUILD))/home
TEST_HOME = HOME="$(HOME_DIRECTORY)"
PYTHON_VERSION = $$(python -c 'import sys; print("%d.%d" % sys.version_info[:2])')
MYPY = --config-file $(CURDIR)/pyproject.toml --cache-dir $(abspath $(BUILD))/mypy
# Each Python of the collection that is not a shell around `ansible` is checked as a package, under its installed name.
TYPED = $(addprefix -p $(subst /,.,$(COLLECTION)).plugins.,module_utils plugin_utils)

.PHONY: help setup test unit test-lowest $(CORES:%=test-%) lint types \
	integration integration-module sanity ansible-lint docs-lint changelog-lint build demo clean copy home

help: ## this list
	@sed -n 's/^\([a-z][a-z0-9.-]*\):.*## \(.*\)/  make \1\t\2/p' Makefile | expand -t 28
	@echo "  make test-2.16 ...        the tests that run the collection, with another ansible-core: $(CORES)"

# `make test` prepares once and tells its steps so: the copy must not change under a step that is running.
ifdef PREPARED
setup copy home: ;
else
setup: ## the environment .venv; quick when it is up to date
	@PATH="$(SYSTEM_PATH)" python3 $(TOOLS)/setup_environment.py $(VENV) $(REQUIREMENTS)

copy: setup
	@python $(TOOLS)/copy_collection.py $(BUILD)/collections

home: setup
	@python $(TOOLS)/make_home.py "$(HOME_DIRECTORY)"
endif

test: setup copy home ## lint, types, unit, integration both ways, sanity, documentation: two steps at a time
	@python $(TOOLS)/run_steps.py $(BUILD)/logs $(MAKE) $(STEPS)

unit: setup ## unit and property tests: make unit ARGS='tests/unit/core -k policy'
	python -m pytest $(ARGS)

integration: setup ## integration targets on the sandbox, in-process: make integration ARGS='argocd_account'
	python $(TOOLS)/integration.py $(BUILD)/integration $(ARGS)

integration-module: setup ## the same targets through the ordinary modules
	python $(TOOLS)/integration.py $(BUILD)/integration-module --force-module $(ARGS)

sanity: copy home ## ansible-test sanity, without any ignore: make sanity ARGS='--test pylint'
	cd $(COPY) && $(TEST_HOME) ansible-test sanity --venv --python $(PYTHON_VERSION) --color no $(ARGS)
	@echo "ansible-test sanity: no findings"

lint: setup ## ruff (rules and format), yamllint
	ruff check .
	ruff format --check .
	yamllint --strict .
	@echo "ruff, yamllint: no findings"

types: copy ## mypy, strict
	cd $(BUILD)/collections && MYPYPATH=$(COLLECTION)/tests/sandbox mypy $(MYPY) $(TYPED) -p argocd_sandbox

ansible-lint: copy ## ansible-lint, production profile, offline
	cd $(COPY) && ANSIBLE_COLLECTIONS_PATH="$(abspath $(BUILD))/collections" ansible-lint --offline --profile production

docs-lint: copy ## antsibull-docs: every module's documentation, every reference in it
	cd $(COPY) && ANSIBLE_COLLECTIONS_PATH="$(abspath $(BUILD))/collections" \
		antsibull-docs lint-collection-docs --plugin-docs .
	@echo "antsibull-docs: no findings"

changelog-lint: setup ## antsibull-changelog: the fragments
	antsibull-changelog lint
	@echo "antsibull-changelog: no findings"

build: copy ## the tarball for Galaxy
	ansible-galaxy collection build --force --output-path $(BUILD) $(COPY)

# The oldest releases requirements.txt allows, on the oldest Python that the rest of the tools runs on.
test-lowest: ## the tests that run the collection, with the lowest versions of requirements.txt
	@mkdir -p $(BUILD)/lowest
	@sed 's/>=/==/' requirements.txt > $(BUILD)/lowest/pinned.txt
	TEST_PYTHON=3.11 $(MAKE) test VENV=$(BUILD)/lowest/venv BUILD=$(BUILD)/lowest \
		REQUIREMENTS="$(BUILD)/lowest/pinned.txt $(TO_RUN)" STEPS="integration integration-module unit"

# One ansible-core each: `make test-2.16`. The newest Python both it and its ansible-test know.
PYTHON_OF_2.16 := 3.12
PYTHON_OF_2.17 := 3.12
$(CORES:%=test-%): test-%:
	@mkdir -p $(BUILD)/core-$*
	@echo 'ansible-core~=$*.0' > $(BUILD)/core-$*/core.txt
	TEST_PYTHON=$(or $(PYTHON_OF_$*),3.13) $(MAKE) test VENV=$(BUILD)/core-$*/venv BUILD=$(BUILD)/core-$* \
		HOME_DIRECTORY="$(HOME_DIRECTORY)" REQUIREMENTS="$(TO_RUN) $(BUILD)/core-$*/core.txt" \
		STEPS="integration integration-module sanity unit"

demo: setup ## the whole job on three sandbox clusters, twice, from the installed tarball
	python tests/demo/demo.py $(BUILD)

clean: ## all output; .venv stays
	rm -rf $(BUILD)
