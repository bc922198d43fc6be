# make run: set up and run the loop on the miniature that ships. make demo: the same on a real chat
# model, which is fetched. make check: set up, lint and test.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
RUN ?= runs/embedded
DEMO ?= runs/demo
export OMP_NUM_THREADS ?= 1
export TOKENIZERS_PARALLELISM ?= false

PYTEST := $(BIN)/python -m pytest -n 2
FILES := $(PYTEST) --dist loadfile --no-loadscope-reorder

# The tests with a marker, where none is no failure: pytest's status is 5 then. They are few and
# long, so a process that has finished its share takes over tests of the other.
define tier
$(PYTEST) --dist worksteal -m $(1) || { test $$? = 5 && echo "no test is marked $(1)"; }
endef

.PHONY: setup run demo test quick drills test-real check lint embedded-model schema clean

setup: $(VENV)/.ready

$(VENV)/.ready: pyproject.toml constraints.txt
	$(PYTHON) -c 'import sys; v = sys.version_info[:2]; sys.exit(0 if (3, 11) <= v <= (3, 13) else f"Python 3.11 to 3.13 is needed, this is {sys.version.split()[0]}: make PYTHON=python3.11")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check -c constraints.txt -e ".[dev]"
	touch $@

run: setup
	$(BIN)/self-evolution run --recipe embedded --run $(RUN)

demo: setup
	model=$$($(BIN)/python -m tools.smollm2) && $(BIN)/self-evolution run --recipe demo --model "$$model" --run $(DEMO)

# The tiers of tests. `quick` takes two minutes on two quick cores, `test` ten. In `drills` runs are
# killed again and again (KILLS=50: more often), `test-real` needs real models.
test: setup
	$(FILES) -m "not drill and not real"

quick: setup
	$(FILES) -m "not slow and not drill and not real"

drills: setup
	$(call tier,drill)

test-real: setup
	$(call tier,real)

lint: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

check: lint test

embedded-model: setup
	$(BIN)/python -m tools.miniature.make

schema: setup
	$(BIN)/python -c 'from self_evolution.report.render.results.schema import SCHEMA, schema; SCHEMA.write_text(schema(), encoding="utf-8")'

clean:
	rm -rf $(VENV) build *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis
