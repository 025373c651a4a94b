# Everything a person does with a checkout. `make help` lists the targets.
SHELL := /bin/sh
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
NODE_MODULES := widget/node_modules/.installed
WIDGET := widget/dist/widget.js
WIDGET_SOURCES := $(shell find widget/src -type f 2>/dev/null) widget/package.json widget/vite.config.ts widget/tsconfig.json
RUN_READY := $(VENV)/.run-ready
DEV_READY := $(VENV)/.dev-ready
KILLS ?= 1000
CUTS ?= 1000
# Whole files go to the workers, in the order in which they are found: the long ones come first.
# One worker more than there are cores, for many a test waits for a clock.
WORKERS := $(shell python3 -c 'import os; print(min((os.cpu_count() or 1) + 1, 5))')
PYTEST := QT_QPA_PLATFORM=offscreen $(BIN)/python -m pytest -q \
	--numprocesses $(WORKERS) --dist loadfile --no-loadscope-reorder

.DEFAULT_GOAL := help
.PHONY: help run panel widget setup test check lint types imports architecture test-widget \
	test-python test-stored test-postgres test-n8n workflows crash chaos bench package selftest \
	lock screenshots clean

help: ## List the targets
	@grep -hE '^[a-z0-9-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 16

run: $(RUN_READY) $(WIDGET) ## Set up whatever is missing and run the appliance with its demo shop
	@$(BIN)/csai demo

panel: $(RUN_READY) $(WIDGET) ## Open the control panel
	@$(BIN)/csai panel

setup: $(DEV_READY) $(WIDGET) ## Prepare everything that the tests need
	@packaging/system-packages.sh test

widget: $(WIDGET) ## Build the chat widget

test: setup check test-widget test-python test-stored ## Check and test, what the database keeps on PostgreSQL too

check: $(DEV_READY) $(NODE_MODULES) lint types imports architecture ## Style, types, layers, sizes
	@cd widget && npm run --silent check

lint: $(DEV_READY)
	@$(BIN)/ruff check --quiet .
	@$(BIN)/ruff format --quiet --check .

types: $(DEV_READY)
	@$(BIN)/mypy --no-error-summary

imports: $(DEV_READY)
	@$(BIN)/lint-imports --no-logo > $(VENV)/imports.txt 2>&1 || { cat $(VENV)/imports.txt; exit 1; }

architecture: $(DEV_READY)
	@$(BIN)/python -m pytest -q tests/architecture

test-widget: $(NODE_MODULES) ## Test the chat widget
	@cd widget && npm test --silent

test-python: $(DEV_READY) $(WIDGET) ## Test the server, the panel and both in a real browser
	@$(PYTEST) tests

test-stored: $(DEV_READY) $(WIDGET) ## Test once more what the database keeps, on a PostgreSQL
	@CSAI_TEST_DATABASE=postgres $(PYTEST) -m "stored and not on_sqlite" tests/http

test-postgres: $(DEV_READY) $(WIDGET) ## Test the whole server on a PostgreSQL of the tests' own
	@CSAI_TEST_DATABASE=postgres $(PYTEST) -m "not on_sqlite" tests/http

test-n8n: $(DEV_READY) $(WIDGET) ## Compare with a real n8n, and run beside one (minutes, gigabytes)
	@nice $(BIN)/python -m tests.workflows.real_n8n build/n8n
	@nice $(BIN)/python -m tests.workflows.appliance_with_n8n build/n8n

crash: $(DEV_READY) $(WIDGET) ## Kill the server 1,000 times and see that nothing is lost (half an hour)
	@nice -n 5 $(BIN)/python -m tests.crash --kills $(KILLS)

chaos: $(DEV_READY) $(WIDGET) ## Cut the line between browser and server 1,000 times (a quarter of an hour)
	@nice -n 5 $(BIN)/python -m tests.browser.bad_line --cuts $(CUTS)

bench: $(DEV_READY) $(WIDGET) ## Measure speed and memory beside the floor application
	@$(BIN)/python -m tests.bench

workflows: $(DEV_READY) ## Put the bundled workflows together from packaging/workflows
	@$(BIN)/python -B packaging/workflows/build.py

package: setup ## Build the program with PyInstaller and let it test itself
	@$(BIN)/pyinstaller --noconfirm --log-level WARN appliance.spec
	@$(BIN)/python packaging/check_frozen.py dist/csai
	@$(BIN)/python -m tests.packaged.outside_stores dist/csai/csai
	@$(BIN)/python -m tests.packaged.vendors_and_panel dist/csai/csai

selftest: $(RUN_READY) $(WIDGET) ## Check that the appliance works on this machine
	@$(BIN)/csai selftest

screenshots: setup ## Take the README's pictures anew
	@QT_QPA_PLATFORM=offscreen $(BIN)/python -m tests.browser.screenshots docs/images

lock: $(DEV_READY) ## Renew the pins (needs uv)
	@$(BIN)/uv pip compile pyproject.toml --universal --python-version 3.11 --generate-hashes \
		--no-emit-index-url --no-header --quiet --upgrade --output-file requirements.lock
	@$(BIN)/uv pip compile pyproject.toml --extra dev --universal --python-version 3.11 \
		--generate-hashes --no-emit-index-url --no-header --quiet --upgrade \
		--constraint requirements.lock --output-file requirements-dev.lock

clean: ## Remove everything that was built; data is kept
	@rm -rf $(VENV) build dist widget/dist widget/node_modules

# --- what the targets need ---------------------------------------------------------------------

$(VENV)/.created:
	@packaging/system-packages.sh run
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "Python 3.11 or newer is needed; $$($(PYTHON) --version) was found." >&2; exit 1; }
	@echo "Making the virtual environment…"
	@$(PYTHON) -m venv $(VENV)
	@touch $@

$(RUN_READY): requirements.lock $(VENV)/.created
	@echo "Installing the pinned requirements…"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r requirements.lock
	@packaging/link-checkout.sh $(VENV)
	@touch $@

$(DEV_READY): requirements-dev.lock $(RUN_READY)
	@echo "Installing what the tests need…"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r requirements-dev.lock
	@touch $@

$(NODE_MODULES): widget/package-lock.json
	@packaging/require-node.sh
	@cd widget && npm ci --loglevel=error --no-audit --no-fund >/dev/null
	@touch $@

$(WIDGET): $(WIDGET_SOURCES) | $(NODE_MODULES)
	@echo "Building the widget…"
	@cd widget && npm run --silent build -- --logLevel warn
	@touch $@
