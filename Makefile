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
VERSION = $$(sed -n 's/^version: //p' galaxy.yml)
# The ansible-cores of meta/runtime.yml, oldest first.
CORES := 2.16 2.17 2.18 2.19 2.20 2.21
STEPS := integration integration-module sanity unit lint types ansible-lint docs-lint changelog-lint
REAL_STEPS := integration-real integration-real-module
EDGE_STEPS := integration-edges integration-edges-module certify faults-smoke demo
# Which integration targets: main, edge or all.
SET := main
# How many clusters a large fleet has; the columns of the matrix take fewer.
LARGE_FLEET := 300
# How many targets run at once, each job on servers of its own: a target waits a quarter of its time.
JOBS := 2

SYSTEM_PATH := $(PATH)
export PATH := $(CURDIR)/$(VENV)/bin:$(PATH)
# ansible-test keeps what it makes in its home; see tests/tools/make_home.py.
HOME_DIRECTORY := $(abspath $(BUILD))/home
TEST_HOME = HOME="$(HOME_DIRECTORY)"
PYTHON_VERSION = $$(python -c 'import sys; print("%d.%d" % sys.version_info[:2])')
MYPY = --config-file $(CURDIR)/pyproject.toml --cache-dir $(abspath $(BUILD))/mypy
# Each Python of the collection that is not a shell around `ansible` is checked as a package, under its installed name.
TYPED = $(addprefix -p $(subst /,.,$(COLLECTION)).plugins.,module_utils plugin_utils)

.PHONY: help setup test test-edges unit test-matrix $(CORES:%=test-%) test-lowest lint types \
	integration integration-module integration-edges integration-edges-module sanity ansible-lint docs-lint changelog-lint build certify demo enforcer-check policy-check faults faults-smoke clean copy home
.PHONY: races conformance test-real testbed test-kubernetes fleet-real $(REAL_STEPS)

help: ## this list
	@sed -n 's/^\([a-z][a-z0-9.-]*\):.*## \(.*\)/  make \1\t\2/p' Makefile | expand -t 28
	@echo "  make test-2.16 ...        the tests that run the collection, with another ansible-core: $(CORES)"
	@echo "  make test-lowest          the same with the oldest versions that are allowed"

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

test-edges: setup copy home ## what takes longer: the cases at the edges, both ways, the certification, the demonstration
	@python $(TOOLS)/run_steps.py $(BUILD)/logs-edges $(MAKE) $(EDGE_STEPS)

test-real: setup copy testbed ## the targets of `make test`, both ways, on real servers, fleet-real, conformance; writes build/test-real.json
	@failed=0; python $(TOOLS)/run_steps.py $(BUILD)/logs-real $(MAKE) $(REAL_STEPS) fleet-real conformance || failed=1; \
		python $(TOOLS)/real.py $(BUILD)/test-real.json $(REAL_STEPS:%=$(BUILD)/%) && exit $$failed

unit: setup ## unit and property tests: make unit ARGS='tests/unit/core -k policy'
	python -m pytest $(ARGS)

integration: setup ## integration targets on the sandbox, in-process: make integration ARGS='argocd_account'
	python $(TOOLS)/integration.py $(BUILD)/integration --jobs $(JOBS) --set $(SET) --large-fleet $(LARGE_FLEET) $(ARGS)

integration-module: setup ## the same targets through the ordinary modules
	python $(TOOLS)/integration.py $(BUILD)/integration-module --jobs $(JOBS) --force-module --set $(SET) $(ARGS)

testbed: setup ## the real servers of tests/testbed, built once; needs Go and redis-server
	python tests/testbed --build

integration-real: setup testbed ## the targets on real servers, in-process: make integration-real ARGS='argocd_account'
	python $(TOOLS)/integration.py $(BUILD)/integration-real --jobs $(JOBS) --real --set $(SET) $(ARGS)

integration-real-module: setup testbed ## the same through the ordinary modules
	python $(TOOLS)/integration.py $(BUILD)/integration-real-module --jobs $(JOBS) --real --force-module --set $(SET) $(ARGS)

fleet-real: copy testbed ## the playbooks on three real Argo CDs in namespaces of one cluster, two argocd-servers each
	ANSIBLE_COLLECTIONS_PATH="$(abspath $(BUILD))/collections" python -m pytest -q tests/testbed/fleet

integration-edges: setup ## bad input, odd inventories, fifty hosts, wrong clusters, the examples; in-process
	python $(TOOLS)/integration.py $(BUILD)/integration-edges --jobs $(JOBS) --set edge

integration-edges-module: setup ## those of them whose tasks can run as ordinary modules
	python $(TOOLS)/integration.py $(BUILD)/integration-edges-module --jobs $(JOBS) --set edge --force-module

sanity: copy home ## ansible-test sanity, without any ignore: make sanity ARGS='--test pylint'
	cd $(COPY) && $(TEST_HOME) ansible-test sanity --venv --python $(PYTHON_VERSION) --color no $(ARGS)
	@echo "ansible-test sanity: no findings"

lint: setup ## ruff (rules and format), yamllint
	ruff check .
	ruff format --check .
	yamllint --strict .
	@echo "ruff, yamllint: no findings"

types: copy ## mypy, strict
	cd $(BUILD)/collections && MYPYPATH=$(COLLECTION)/tests/sandbox:$(COLLECTION)/tests/testbed:$(COLLECTION)/tests/conformance:$(COLLECTION)/tests/awx:$(COLLECTION)/tests:$(COLLECTION)/$(TOOLS):$(COLLECTION)/tests/integration/targets/setup_sandbox \
		mypy $(MYPY) $(TYPED) -p argocd_sandbox -p argocd_testbed -p argocd_conformance -p enforcer_check -p policy_check -p faults -p races -p awx_jobs -p leakscan

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

certify: build ## what a certification does with the tarball: galaxy-importer, ansible-builder
	@PATH="$(SYSTEM_PATH)" python3 $(TOOLS)/setup_environment.py $(BUILD)/certify/venv tests/requirements-certify.txt
	$(BUILD)/certify/venv/bin/python $(TOOLS)/certify.py $(BUILD)/certify $(BUILD)/fleetops-argocd-$(VERSION).tar.gz

# The columns of the matrix: one ansible-core each, `make test-2.16`, and `make test-lowest`, the oldest releases that
# requirements.txt and meta/runtime.yml allow. Where two Pythons do, the oldest core takes the oldest and the rest the newest
# that both the core and its ansible-test know.
COLUMNS := $(CORES) lowest
PYTHON_OF_2.16 := 3.10
PYTHON_OF_2.17 := 3.12
PYTHON_OF_lowest := 3.10
MATRIX := $(BUILD)/matrix
$(COLUMNS:%=test-%): test-%:
	@mkdir -p $(MATRIX)/$*
	@python3 $(TOOLS)/matrix.py pin $* > $(MATRIX)/$*/pinned.txt
	TEST_PYTHON=$(or $(PYTHON_OF_$*),3.13) $(MAKE) test VENV=$(MATRIX)/$*/venv BUILD=$(MATRIX)/$* \
		HOME_DIRECTORY="$(HOME_DIRECTORY)" REQUIREMENTS="$(TO_RUN) $(MATRIX)/$*/pinned.txt" \
		SET=all LARGE_FLEET=20 STEPS="$$(python3 $(TOOLS)/matrix.py steps $*)"

test-matrix: ## all of these columns, one after the other; writes build/matrix.json
	@failed=0; $(MAKE) --keep-going $(COLUMNS:%=test-%) || failed=1; \
		python3 $(TOOLS)/matrix.py report $(BUILD)/matrix.json $(COLUMNS:%=$(MATRIX)/%) && exit $$failed

enforcer-check: copy testbed ## our enforcer against casbin and a real argocd-server, 20,000 questions; writes build/enforcer.json
	PYTHONPATH=$(BUILD)/collections:tests/sandbox:tests/testbed:tests python -m enforcer_check $(BUILD)/enforcer.json $(ARGS)

policy-check: copy testbed ## 10,000 random texts given back; what is written and refused, by a real argocd-server; build/policy-check.json
	HYPOTHESIS_PROFILE=thorough python -m pytest -q tests/unit/core/test_policy_round_trip.py
	PYTHONPATH=$(BUILD)/collections python benchmarks/policy.py $(BUILD)/policy-cost.json
	PYTHONPATH=$(BUILD)/collections:tests/testbed:tests python -m policy_check $(BUILD)/policy-check.json $(ARGS)

faults: copy ## runs killed at every request and file operation, every answer gone wrong; needs strace; writes build/faults.json
	PYTHONPATH=$(BUILD)/collections:tests/sandbox:tests python -m faults $(BUILD)/faults.json $(BUILD)/collections $(ARGS)

faults-smoke: copy ## one case of them, in half a minute
	PYTHONPATH=$(BUILD)/collections:tests/sandbox:tests python -m faults $(BUILD)/faults-smoke.json $(BUILD)/collections \
		--parts kills --only '^retire kubernetes_secret in-process$$'

races: copy testbed ## controllers that run at once, on the sandbox and on real servers with two replicas; build/races.json
	PYTHONPATH=tests:$(TOOLS) python -m races $(BUILD)/races.json --collections $(BUILD)/collections $(ARGS)

conformance: setup testbed ## the sandbox against the real servers of tests/testbed, which needs Go: every answer compared
	python tests/conformance --report $(BUILD)/conformance.json $(ARGS)

# The oldest release that requirements.txt allows, one in between, the newest.
KUBERNETES := 24.2.0 30.1.0 37.0.2
test-kubernetes: ## the connections with old and new releases of the package kubernetes: unit tests and target transports
	@$(foreach release,$(KUBERNETES),$(MAKE) $(BUILD)/kubernetes/$(release) &&) echo "kubernetes $(KUBERNETES): passed"

.PHONY: $(KUBERNETES:%=$(BUILD)/kubernetes/%)
$(KUBERNETES:%=$(BUILD)/kubernetes/%): $(BUILD)/kubernetes/%:
	@mkdir -p $@
	@echo "kubernetes==$*" > $@/pinned.txt
	@PATH="$(SYSTEM_PATH)" python3 $(TOOLS)/setup_environment.py $@/venv $(TO_RUN) $@/pinned.txt
	$@/venv/bin/python -m pytest -q tests/unit/clients
	PATH="$(abspath $@)/venv/bin:$$PATH" python $(TOOLS)/integration.py $@/integration transports

.PHONY: slices
slices: setup ## a fleet of 300 clusters in four slices of ansible-runner, as AWX cuts it; writes build/slices.json
	python tests/awx/slices.py $(BUILD) $(ARGS)

# Where Ansible's own machinery for modules and errors changed.
LEAK_CORES := 2.16 2.19 2.21
leakscan: setup $(LEAK_CORES:%=$(BUILD)/leakscan/%) ## secrets in output, logs, files, processes: every target, three ansible-cores, both ways; writes build/leaks.json
	PYTHONPATH=tests:$(TOOLS) python -m leakscan $(BUILD)/leaks.json $(BUILD)/leakscan $(ARGS)

.PHONY: leakscan $(LEAK_CORES:%=$(BUILD)/leakscan/%)
$(LEAK_CORES:%=$(BUILD)/leakscan/%): $(BUILD)/leakscan/%:
	@mkdir -p $@
	@python3 $(TOOLS)/matrix.py pin $* > $@/pinned.txt
	@PATH="$(SYSTEM_PATH)" TEST_PYTHON=$(or $(PYTHON_OF_$*),3.13) python3 $(TOOLS)/setup_environment.py $@/venv $(TO_RUN) $@/pinned.txt

demo: setup ## the whole job on three sandbox clusters, twice, from the installed tarball
	python tests/demo/demo.py $(BUILD)

clean: ## all output; .venv stays
	rm -rf $(BUILD)
