# Everything runs in .venv, which is made on first use; versions are those of constraints.txt.
PYTHON ?= python3
BIN := .venv/bin
export PIP_CONSTRAINT := $(CURDIR)/constraints.txt
export PIP_DISABLE_PIP_VERSION_CHECK := 1

# What protects nothing: local secrets, copied from their examples once.
SECRETS := workers/otp_auth_service/.dev.vars workers/customer_api/.dev.vars

.PHONY: serve examples test crash fuzz bench format clean help

help: ## Show what can be made.
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-8s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

serve: .venv/.installed $(SECRETS) ## Serve sign-in and customers on http://localhost:8787.
	$(BIN)/runtime serve workers/otp_auth_service workers/customer_api -e development $(ARGS)

examples: .venv/.installed ## Serve the example workers on http://localhost:8787.
	$(BIN)/runtime serve workers/examples workers/examples/two_workers $(ARGS)

workers/%/.dev.vars: | workers/%/.dev.vars.example
	@cp $| $@

test: .venv/.tox-installed ## Run tox: tests, lint, types, architecture.
	$(BIN)/tox run $(ARGS)

crash: .venv/.tox-installed ## Kill and damage KV stores hundreds of times; some minutes.
	$(BIN)/tox run -q -e py --notest
	EDGESTEAD_TEST_LONG=1 $(BIN)/tox exec -q -e py -x testenv.pass_env+=EDGESTEAD_TEST_LONG -- \
		pytest tests/crash tests/conformance/test_stateful.py tests/unit/kvstore/test_damage.py \
		tests/integration/test_migrate.py $(ARGS)

fuzz: .venv/.tox-installed ## Ask both services what their descriptions promise; minutes.
	EDGESTEAD_TEST_LONG=1 $(BIN)/tox run -e fuzz $(ARGS)

bench: .venv/.tox-installed ## Measure on this machine; ARGS="kv_http kv_lists" chooses, --help tells.
	$(BIN)/tox run -q -e py --notest
	$(BIN)/tox exec -q -e py -- python tests/bench $(ARGS)

format: .venv/.tox-installed ## Format the code and mend what lint can mend.
	$(BIN)/tox exec -q -e lint -- ruff check --fix-only -q .
	$(BIN)/tox exec -q -e lint -- ruff format .

clean: ## Remove what was made; local state in .edgestead/ stays.
	rm -rf .venv .tox .mypy_cache .ruff_cache .pytest_cache .hypothesis build dist *.egg-info

.venv/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "Python 3.11 or newer is needed; choose one with: make PYTHON=python3.12 …"; exit 1; }
	@$(PYTHON) -m venv .venv || \
		{ rm -rf .venv; echo "$(PYTHON) cannot make a venv; on Debian: apt-get install python3-venv"; exit 1; }

.venv/.installed: .venv/bin/python setup.cfg pyproject.toml constraints.txt
	$(BIN)/pip install --quiet --editable '.[examples]'
	@touch $@

.venv/.tox-installed: .venv/bin/python constraints.txt
	$(BIN)/pip install --quiet tox
	@touch $@
