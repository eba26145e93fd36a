# The set-ups share one virtual environment. `make translate` installs the light one (NumPy,
# tokenizers, safetensors, click: no PyTorch), `make explore` adds a server, and `make test` what
# the tests need. Each leaves a stamp, so that a second call sets nothing up, and the package is
# installed in editable mode, so that a change in src/ needs no new install.

PYTHON ?= python3
VENV := .venv
RUN := $(VENV)/bin/python

# pyproject.toml's four dependencies, and what the extra "explore" adds; tests/test_packaging.py
# compares them. Each file that pip fetches must have the hash that stands there. The four are
# installed without what they depend on in turn: tokenizers names huggingface_hub, which it needs
# only to download tokenizers, which clearhead never asks of it, and which brings 15 packages.
LIGHT := --no-deps --require-hashes -r requirements/light.txt
EXPLORE := --no-deps --require-hashes -r requirements/explore.txt
# All that development needs but PyTorch, of which that file says why.
FULL := --no-deps --require-hashes -r requirements/full.txt
# pip-audit and the maker of the SBOM have an environment of their own: they are no part of the project.
TOOLS := build/tools
PIP := $(RUN) -m pip install --quiet --disable-pip-version-check --no-input
INSTALL := $(PIP) -c constraints.txt

# The page's sources, and what npm leaves when their packages (biome, TypeScript, esbuild and what
# the page is made of) are there as package-lock.json says. Only make page must have them: without
# Node, or without a network for the first time, its checks are skipped, which says why.
FRONT := src/clearhead/explorer/front
FRONT_PACKAGES := $(FRONT)/node_modules/.package-lock.json
FRONT_CHECKS = if ! command -v node >/dev/null || ! command -v npm >/dev/null; then \
	  echo "The page's TypeScript is left as it is: node and npm are not installed." >&2; \
	elif ! $(MAKE) --silent --no-print-directory $(FRONT_PACKAGES); then \
	  echo "The page's TypeScript is left as it is: npm could not fetch its packages." >&2; \
	else cd $(FRONT) && $(1); fi

# The text travels in the environment and untouched: $(value) keeps make from reading $ in it,
# and "$$TEXT" keeps the shell from reading quotes, backticks and the rest.
override TEXT := $(value TEXT)
export TEXT

.DEFAULT_GOAL := help
.PHONY: help translate trace explore test quick lint format bench site contract page setup clean
.PHONY: faults fuzz soak audit sbom

help: ## show this list
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/  make \1|\2/p' Makefile | awk -F'|' '{printf "%-18s %s\n", $$1, $$2}'
	@echo
	@echo '  make translate TEXT="I would like a cup of tea."'
	@echo '  In double quotes the shell reads $$, ` and !; in single quotes the text comes through as it is.'

translate: $(VENV)/light.stamp ## translate TEXT from English to French
	@test -n "$$TEXT" || { echo 'Say what to translate: make translate TEXT="I would like a cup of tea."' >&2; exit 2; }
	@$(RUN) -m clearhead translate -- "$$TEXT"

trace: $(VENV)/light.stamp ## print every number between TEXT and its translation
	@test -n "$$TEXT" || { echo 'Say what to trace: make trace TEXT="I love tea."' >&2; exit 2; }
	@$(RUN) -m clearhead trace -- "$$TEXT"

explore: $(VENV)/explore.stamp ## open a page that shows every number of a translation
	@$(RUN) -m clearhead explore -- $${TEXT:+"$$TEXT"}

# Two processes, each with a thread of its own: the files are shared out among them.
WORKERS ?= 2
TESTS := OMP_NUM_THREADS=1 $(RUN) -m pytest --numprocesses $(WORKERS) --dist loadfile --no-loadscope-reorder

test: lint ## set up everything, check the style and the types, run all tests
	@$(TESTS)

quick: $(VENV)/full.stamp ## run the tests that take no more than a few seconds each
	@$(TESTS) -m "not slow"

lint: $(VENV)/full.stamp ## check style and types, of the page too where Node is installed
	@$(RUN) -m ruff check .
	@$(RUN) -m ruff format --check .
	@$(RUN) -m mypy
	@$(call FRONT_CHECKS,npm run --silent lint && npm run --silent check)

format: $(VENV)/full.stamp ## put the source in order
	@$(RUN) -m ruff check --fix .
	@$(RUN) -m ruff format .
	@$(call FRONT_CHECKS,npm run --silent format)

bench: $(VENV)/bench.stamp ## print the tables of the benchmarks, with their ratios
	@$(RUN) -m clearhead bench

site: $(VENV)/full.stamp ## build the documentation, lessons executed, into build/site
	@$(RUN) -m sphinx -W --keep-going -q -c docs . build/site
	@echo build/site/docs/index.html

contract: $(VENV)/explore.stamp ## write the page's protocol.ts from the explorer's models
	@$(RUN) -m clearhead.explorer.contract

page: $(FRONT_PACKAGES) ## build the explorer's page from its TypeScript (needs Node 20)
	@cd $(FRONT) && npm run --silent lint && npm run --silent check && npm run --silent build

setup: $(VENV)/full.stamp ## set up everything, for development

faults: $(VENV)/full.stamp ## kill, fill, damage and starve everything that writes or reads files
	@OMP_NUM_THREADS=1 $(RUN) -m tests.faults

MINUTES ?= 60
fuzz: $(VENV)/full.stamp ## give every reader inputs that nobody made, for MINUTES
	@OMP_NUM_THREADS=1 $(RUN) -m tests.fuzz --minutes $(MINUTES)

soak: $(VENV)/full.stamp ## translate, serve and record for MINUTES: does memory stay flat
	@$(RUN) -m benchmarks.soak --minutes $(MINUTES) --together --picture docs/images/soak.png

# What is installed here, against the advisories; without a network that is skipped, and said.
audit: $(VENV)/full.stamp $(TOOLS)/stamp ## look for known weaknesses of the installed packages
	@.ci/audit $(TOOLS)/bin/python $(RUN)

sbom: $(VENV)/full.stamp $(TOOLS)/stamp ## write build/sbom.json: every installed package (CycloneDX)
	@$(TOOLS)/bin/python -m cyclonedx_py environment --output-file build/sbom.json \
	  --output-reproducible --pyproject pyproject.toml $(RUN)
	@echo build/sbom.json

clean: ## remove the environment and all that tests and builds left
	@rm -rf $(VENV) build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis $(FRONT)/node_modules
	@find src tests benchmarks -name __pycache__ -type d -prune -exec rm -rf {} +

# Standard output belongs to the translation, so set-up speaks on standard error alone. A healthy
# environment is kept; a missing, broken or outdated one is made anew.
NEW_ENOUGH := import sys; sys.exit(sys.version_info < (3, 11))

$(VENV)/light.stamp: pyproject.toml constraints.txt requirements/light.txt
	@{ set -e; \
	$(RUN) -c 'import pip; $(NEW_ENOUGH)' 2>/dev/null || { \
	  $(PYTHON) -c '$(NEW_ENOUGH)' || { \
	    echo "clearhead needs Python 3.11 or later; $(PYTHON) is: $$($(PYTHON) --version 2>&1 || true)"; \
	    echo 'Name a newer one: make PYTHON=python3.12 ...'; exit 1; }; \
	  echo 'Setting up $(VENV) (once, less than a minute) ...'; \
	  $(PYTHON) -m venv --clear $(VENV) || { \
	    echo 'Python could not make $(VENV). On Debian and Ubuntu: apt install python3-venv'; exit 1; }; }; \
	$(PIP) $(LIGHT); \
	$(INSTALL) --no-deps --editable .; \
	touch $@; } >&2

$(VENV)/explore.stamp: $(VENV)/light.stamp requirements/explore.txt
	@{ set -e; \
	echo 'Adding the server for the page (once, a few seconds) ...'; \
	$(PIP) $(EXPLORE); \
	touch $@; } >&2

$(VENV)/full.stamp: $(VENV)/light.stamp requirements/full.txt
	@{ set -e; \
	echo 'Setting up $(VENV) for development (once, PyTorch included: a few minutes) ...'; \
	$(PIP) $(FULL); \
	$(INSTALL) --editable '.[dev]'; \
	touch $@; } >&2

$(TOOLS)/stamp: requirements/tools.txt
	@{ set -e; \
	echo 'Adding pip-audit and CycloneDX to $(TOOLS) (once) ...'; \
	$(PYTHON) -m venv --clear $(TOOLS); \
	$(TOOLS)/bin/python -m pip install --quiet --disable-pip-version-check --no-input --no-deps \
	  --require-hashes -r requirements/tools.txt; \
	touch $@; } >&2

# esbuild's script after the installation only checks what is installed: none is run.
$(FRONT_PACKAGES): $(FRONT)/package-lock.json
	@echo "Fetching the packages of the page's TypeScript (once, a few seconds) ..." >&2
	@cd $(FRONT) && npm ci --ignore-scripts --prefer-offline --no-audit --no-fund --loglevel=error \
	  --fetch-retries=1 --fetch-retry-mintimeout=1000 >&2

$(VENV)/bench.stamp: $(VENV)/full.stamp
	@{ set -e; \
	echo 'Adding the systems to compare with (once) ...'; \
	$(INSTALL) --editable '.[bench]'; \
	touch $@; } >&2
