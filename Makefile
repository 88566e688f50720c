# make demo, make test, make lab; `make` alone lists all targets.
# PYTHON is the interpreter for the environment: the first of the candidates that is 3.11, 3.12 or 3.13.
IS_SUPPORTED := import sys; print("yes" if (3, 11) <= sys.version_info[:2] <= (3, 13) else "no")
CANDIDATES := python3 python3.13 python3.12 python3.11 python
supported = $(filter yes,$(shell $(1) -c '$(IS_SUPPORTED)' 2>/dev/null))
PYTHON ?= $(firstword $(foreach p,$(CANDIDATES),$(if $(call supported,$(p)),$(p))))
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready

.DEFAULT_GOAL := help
.PHONY: help setup demo test soak bench lab export requirements lint clean python

help:
	@echo 'make demo          sample data, a backtest report for each symbol, a year of paper trading, reports/index.html'
	@echo 'make test          all checks'
	@echo 'make soak          long tests: processes are killed at random points, many times'
	@echo 'make bench         speed of the data layer, the backtests and the network, compared with other libraries'
	@echo 'make lab           JupyterLab on nbs/'
	@echo 'make export        write the package and its tests from the notebooks, and clean the notebooks'
	@echo 'make lint          check the code, the container and the workflow files'
	@echo 'make requirements  pin the packages that pyproject.toml requires'

python:
	@v=$$($(or $(PYTHON),python3) -c 'import sys; print("%d.%d" % sys.version_info[:2])' 2>/dev/null); \
	case "$$v" in 3.11|3.12|3.13) ;; *) \
	echo "TradeLab needs Python 3.11, 3.12 or 3.13; found $${v:-none}. Install one, or name it:" \
	"make PYTHON=python3.12 $(or $(MAKECMDGOALS),demo)" >&2; exit 1;; esac

# the environment is made once, and updated when the pinned requirements or pyproject.toml change
$(READY): requirements.txt pyproject.toml | python
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo 'Installing the pinned packages into $(VENV); the first time takes a few minutes.'
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements.txt
	@touch $@

setup: $(READY)

# the demo uses the sample data, whatever settings.ini says
demo: export TRADELAB_DATA_PROVIDER := sample
demo: export TRADELAB_DATA_SYMBOLS := AAPL,IBM,MSFT,GOOG,FB
demo: $(READY)
	@$(BIN)/tradelab db migrate
	@$(BIN)/tradelab ingest
	@$(BIN)/tradelab run backtest --only-missing
	@$(BIN)/tradelab paper replay --account demo --from 2012-01-03 --to 2012-12-31

test: $(READY)
	@$(BIN)/ruff format --check --quiet nbs bench migrations
	@$(BIN)/ruff check --quiet nbs tradelab bench migrations
	@$(BIN)/nbdev-test --n-workers 2
	@$(BIN)/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder

soak: $(READY)
	@$(BIN)/python -m pytest -m slow

bench: $(READY)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -r bench/requirements.txt
	@$(BIN)/python bench/data.py
	@$(BIN)/python bench/backtest.py --rounds 3
	@$(BIN)/python bench/lstm.py

# Jupyter runs as root only with --allow-root; in containers the user is usually root
lab: $(READY)
	@$(BIN)/tradelab db migrate
	@$(BIN)/jupyter lab --notebook-dir=nbs $(if $(filter 0,$(shell id -u)),--allow-root)

export: $(READY)
	@$(BIN)/nbdev-export
	@$(BIN)/nbdev-clean

requirements: $(READY)
	@echo '-e .' | UV_CUSTOM_COMPILE_COMMAND='make requirements' \
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --no-annotate - -o requirements.txt

lint: $(READY)
	@$(BIN)/ruff format --check nbs bench migrations
	@$(BIN)/ruff check nbs tradelab bench migrations
	@$(BIN)/hadolint Dockerfile
	@$(BIN)/check-jsonschema --builtin-schema vendor.compose-spec docker-compose.yml
	@$(BIN)/check-jsonschema --builtin-schema vendor.github-workflows .github/workflows/ci.yml

clean:
	@test ! -x $(BIN)/tradelab || $(BIN)/tradelab db down
	rm -rf $(VENV)
