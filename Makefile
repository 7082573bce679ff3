# Two commands need nothing before them: `make run` and `make test`. Both set up .venv first.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
BENCH_READY := $(VENV)/.ready-bench
INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check --no-compile -c constraints.txt
# pip compiles on one core; a package may bring files that are for another Python
COMPILE := $(BIN)/python -m compileall -q -j 0 $(VENV)/lib > /dev/null || true

# what keeps time has the cores to itself whenever it wants them; the others, in two processes and in the order
# that tests/conftest.py gives them, compute while it sleeps
PYTEST := $(BIN)/python -m pytest
BESIDE := -n 2 --dist loadgroup --no-loadscope-reorder
IDLE := $(shell chrt -i 0 true 2> /dev/null && echo chrt -i 0 || echo nice -n 19)

# overrides for `make run`, e.g. make run ARGS="agent=rule env.steps=60"
ARGS ?=

.DEFAULT_GOAL := help
.PHONY: help setup run test test-all compiled timed others lint types arrows docs bench clean

help: ## list these targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /  make \1\t/' | expand -t 20

setup: $(READY) ## make .venv with everything in it; quick when nothing has changed

$(READY): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; v = sys.version_info; sys.exit(v < (3, 11) and f"Python 3.11 or later is needed, $(PYTHON) is {v.major}.{v.minor}: make PYTHON=python3.11 ...")'
	@echo "Setting up $(VENV): a few minutes the first time (PyTorch is large)."
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(INSTALL) -e '.[dev,openvino]'
	@$(COMPILE)
	@touch $@

run: setup ## the main job: active inference holds the real pipeline's SLOs; more with ARGS="..."
	$(BIN)/python -m experiments.run agent=aif video=traffic $(ARGS)

test: setup ## linters, types, the arrows between the layers, and the tests but for the nightly ones
	@$(MAKE) --no-print-directory -j 2 types compiled lint arrows
	@$(MAKE) --no-print-directory -j 2 timed others BUT='and not nightly'

test-all: setup ## the same with every test: half an hour
	@$(MAKE) --no-print-directory -j 2 types compiled lint arrows
	@$(MAKE) --no-print-directory -j 2 timed others

compiled: setup # the simulator, for a minute, which every process of the tests would else spend
	@$(BIN)/python -m experiments.run agent=static env=simulator hardware=rpi5 env.steps=1 live=false output.mlflow=false \
		results=build/compiled > /dev/null

timed:
	$(PYTEST) -m 'real $(BUT)'

others: # what they say waits for their end, or two reports would be one
	@mkdir -p build
	@$(IDLE) $(PYTEST) $(BESIDE) -m 'not real $(BUT)' > build/others.log 2>&1; code=$$?; cat build/others.log; exit $$code

lint: setup ## ruff
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: setup ## pyright
	$(BIN)/pyright

arrows: setup ## import-linter
	$(BIN)/lint-imports

docs: setup ## the pages as a site, in build/site
	$(BIN)/mkdocs build --strict

$(BENCH_READY): $(READY)
	$(INSTALL) -e '.[dev,openvino,bench]'
	@$(COMPILE)
	@touch $@

bench: $(BENCH_READY) ## the pipeline beside bare sockets and Ray, the simulator beside SimPy, the agents' times
	$(BIN)/python -m benchmarks pipeline
	$(BIN)/python -m benchmarks simulator
	$(BIN)/python -m benchmarks agents

clean: ## forget .venv and caches; results/ stays
	rm -rf $(VENV) build *.egg-info .pytest_cache .ruff_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -not -path './$(VENV)/*' -prune -exec rm -rf {} +
