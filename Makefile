# The two commands: `make serve` and `make test`. Both do all the set-up; the second time that takes a second.
.DEFAULT_GOAL := help
.PHONY: help setup demo serve test lint forge-test pytest kill-test schemathesis contracts gas lock clean halmos mutation proofs simulate chaos machines bills

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PY_READY := $(VENV)/.ready
NODE_READY := contracts/node_modules/.ready
PROOFS_VENV := .venv-proofs
PROOFS_READY := $(PROOFS_VENV)/.ready

help: ## Show what there is
	@awk -F':.*## ' '/^[a-z-]+:.*## /{printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: $(PY_READY) $(NODE_READY) ## Install everything into .venv and contracts/node_modules

$(PY_READY): requirements.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed: make PYTHON=python3.12 ...")'
	@echo "installing the Python packages into $(VENV)"
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.txt
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

$(NODE_READY): contracts/package-lock.json
	@echo "installing Anvil, forge, solc and OpenZeppelin into contracts/node_modules"
	@cd contracts && npm ci --no-audit --no-fund --loglevel=error
	@touch $@

$(PROOFS_READY): requirements-proofs.txt
	@echo "installing the proof tools into $(PROOFS_VENV)"
	@$(PYTHON) -m venv $(PROOFS_VENV)
	@$(PROOFS_VENV)/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-proofs.txt
	@touch $@

demo: setup ## Settle an example group on a fresh local chain and verify it
	@$(BIN)/chainwallet demo

SERVE ?=
serve: setup ## Run the service on a local chain until Ctrl-C (SERVE="--port 0 --currency JPY" for options)
	@exec $(BIN)/chainwallet serve $(SERVE)

test: setup lint forge-test pytest ## Run every check and every test

lint: setup ## ruff, mypy --strict, the import lint, forge's formatter and linter
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo
	cd contracts && ./forge fmt --check

forge-test: setup ## Solidity tests: unit, fuzz, invariants, and the committed gas snapshot
	cd contracts && ./forge test
	$(BIN)/python scripts/gas.py --check

gas: setup ## Measure the gas of whole transactions, ours beside others', into contracts/snapshots/gas.json
	$(BIN)/python scripts/gas.py

# halmos calls the forge and the yices that it finds on PATH; npm's launcher of forge hides its failures.
halmos: $(NODE_READY) $(PROOFS_READY) ## Prove the account word, the replay window and the movements for all inputs
	cd contracts && FOUNDRY_PROFILE=halmos PATH="$$(echo "$$PWD"/node_modules/@foundry-rs/forge-*/bin):$$PWD/node_modules/.bin:$(CURDIR)/$(PROOFS_VENV)/bin:$$PATH" \
	    halmos --forge-build-out out-halmos --loop 8 --solver-timeout-assertion 60s --no-status

pytest: setup ## Python tests, by three processes: many wait for blocks and processes more than they compute
	$(BIN)/pytest -n 3 --dist loadfile --no-loadscope-reorder

kill-test: setup ## Kill indexers at 100 random moments and workers at every request, on each kind of database
	CHAINWALLET_TEST_KILLS=100 $(BIN)/pytest tests/indexing/test_killed.py
	CHAINWALLET_TEST_KILLS=100 $(BIN)/pytest tests/chain/test_exactly_once.py -k killed_at_any_step

SEEDS ?= 10000
FIRST ?= 0
simulate: setup ## Live SEEDS=10000 seeds of a service under faults, in one process and without sockets
	$(BIN)/python -m tests.simulation.world $(SEEDS) $(FIRST)

COUNT ?= 50000
KILLS ?= 100
REORGS ?= 100
STORE ?= sqlite
SEED ?= 0
chaos: setup ## Carry COUNT=50000 payments on STORE=sqlite through KILLS=100, REORGS=100 and all else that goes wrong
	$(BIN)/python -m tests.chaos.run --count $(COUNT) --kills $(KILLS) --reorgs $(REORGS) --store $(STORE) --seed $(SEED)

EXAMPLES ?= 500
machines: setup ## Drive ledger, store and their models together for EXAMPLES=500 lives each
	CHAINWALLET_TEST_EXAMPLES=$(EXAMPLES) $(BIN)/pytest tests/machines

bills: COUNT = 1000000
bills: setup ## Divide COUNT=1000000 random bills of all kinds, and check each against a second account
	$(BIN)/python -m tests.rules.bills $(COUNT) $(SEED)

SEEDS_OF_REQUESTS ?= 1 2 3
schemathesis: setup ## Send every route EXAMPLES=500 generated requests of each kind, from three seeds
	CHAINWALLET_TEST_EXAMPLES=$(EXAMPLES) CHAINWALLET_TEST_SEEDS="$(SEEDS_OF_REQUESTS)" $(BIN)/pytest tests/api/test_schemathesis.py

proofs: setup $(PROOFS_READY) ## Run the long campaigns (hours; STAGES="fuzz slither" for some) and write contracts/PROOFS.md
	$(BIN)/python scripts/proofs.py $(STAGES)

mutation: setup ## Change the contracts token by token and expect a test to go red (hours; ARGS="--sample 50" for less)
	$(BIN)/python -m scripts.mutate $(ARGS)

contracts: setup ## Rebuild the package's artefacts from contracts/src
	$(BIN)/python scripts/build_contracts.py

lock: $(PY_READY) ## Pin the newest allowed Python packages with their hashes
	$(BIN)/uv pip compile pyproject.toml --group dev --universal --generate-hashes --python-version 3.11 \
	    --no-emit-index-url --no-emit-find-links --no-header --upgrade --quiet -o requirements.txt

clean: ## Remove everything that set-up and builds made
	rm -rf $(VENV) contracts/node_modules contracts/out* contracts/cache* .mypy_cache .ruff_cache .pytest_cache .hypothesis
