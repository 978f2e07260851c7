# One task, one target; CI runs the same ones (.ci/run).
PYTHON ?= python3
# A Python 3.9 for `make old`; empty: looked for (.ci/python39).
PYTHON39 ?=
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet
# The deciding part of the verifier: what turns evidence into figures, verdicts and outcomes.
DECIDING := verifier/*
UNITS := $(addprefix deploy/systemd/starproof-,agent.service collector.service relay.service database.service logins.service)

# One more than there are processors: many tests wait for processes of their own.
WORKERS := $(shell $(PYTHON) -c 'import os; print((os.cpu_count() or 1) + 1)')

.PHONY: help run test quick lint types imports syntax old units thresholds bench bench-evidence wheel sbom audit deb rpm clean

help:  ## show the targets
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*##/\t/'

$(VENV)/.installed: pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "Python 3.11 or later is needed: make PYTHON=/path/to/python3.11" >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(PIP) install --upgrade pip
	$(PIP) install --editable '.[all]'
	@touch $@

$(VENV)/.dev: $(VENV)/.installed
	$(PIP) install --group dev
	@touch $@

run: $(VENV)/.installed  ## measure this machine for half a minute, make a pack, check it, tamper with it
	$(BIN)/starproof demo

test: $(VENV)/.dev  ## all tests
	$(BIN)/python -m pytest --numprocesses $(WORKERS) --dist worksteal $(if $(COVERAGE),--cov --cov-report=)

quick: $(VENV)/.dev  ## the tests that take seconds
	$(BIN)/python -m pytest -m "not slow" -q

lint: $(VENV)/.dev  ## style
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(VENV)/.dev  ## mypy, strict
	$(BIN)/mypy

imports: $(VENV)/.dev  ## who may import whom
	$(BIN)/lint-imports

syntax: $(VENV)/.dev  ## syntax and calls of agent and evidence are those of Python 3.9
	$(BIN)/vermin --target=3.9- --no-tips --violations --eval-annotations --quiet agent evidence

old: syntax  ## agent and evidence on Python 3.9: their tests, too; fails where there is none
	@python39=$$(PYTHON39='$(PYTHON39)' .ci/python39) && \
	  $$python39 -m venv $(VENV)/old && \
	  $(VENV)/old/bin/python -m pip --disable-pip-version-check --quiet install . pytest pytest-xdist hypothesis tzdata && \
	  $(VENV)/old/bin/python -m pytest -q -m "not no_cover" --numprocesses auto tests/evidence tests/agent tests/databases/test_host.py tests/databases/test_recorded.py

units:  ## the sandbox of the systemd units: exposure at most 2.0
	@if command -v systemd-analyze >/dev/null; then \
	  for unit in $(UNITS); do \
	    systemd-analyze security --offline=yes --no-pager --threshold=20 $$unit | tail -n 1 || exit 1; \
	  done; \
	else echo "skipped: there is no systemd-analyze here"; fi

thresholds: $(VENV)/.dev  ## branch coverage of the last `make test COVERAGE=1`
	$(BIN)/python -m coverage report --fail-under=90
	$(BIN)/python -m coverage report --include='evidence/*' --fail-under=100
	$(BIN)/python -m coverage report --include='$(DECIDING)' --fail-under=100

bench: $(VENV)/.dev  ## one table: everything beside its peers (BENCH=ingest,month picks rows, WRITE=1 rewrites docs/performance.md)
	$(BIN)/python bench --rows "$(BENCH)" $(if $(FULL),--full) $(if $(WRITE),--write)

bench-evidence: $(VENV)/.dev  ## the risk of substitution, shifted stamps, rates of flags, weights of units, sketches
	$(BIN)/python bench/substitution_risk.py
	$(BIN)/python bench/shifted_stamps.py
	$(BIN)/python bench/flag_rates.py
	$(BIN)/python bench/unit_weight.py
	$(BIN)/python bench/sketch.py

wheel: $(VENV)/.dev  ## the wheel of this commit, the same bytes everywhere, with the code hash that it will tell
	PYTHON=$(CURDIR)/$(BIN)/python deploy/release/build-wheel dist
	$(BIN)/starproof code-hash dist/starproof-*.whl

sbom: $(VENV)/.dev  ## the bill of materials of a release (CycloneDX)
	$(BIN)/python deploy/release/sbom.py dist/starproof.cdx.json

audit: $(VENV)/.dev  ## known vulnerabilities of what is installed; says so where the advisories cannot be asked
	$(BIN)/python deploy/release/audit.py

# The agent's packages for this machine's kind, for the Pythons of the systems that we name. Same source, same bytes.
PACKAGE_PLATFORM ?= linux-$(shell uname -m)
PACKAGE_PYTHONS ?= 3.9 3.10 3.11 3.12 3.13
PACKAGE_OPTIONS = --platform $(PACKAGE_PLATFORM) $(addprefix --python ,$(PACKAGE_PYTHONS)) --out dist

deb: $(VENV)/.installed  ## the agent as a Debian package, in dist/
	$(BIN)/starproof bundle deb $(PACKAGE_OPTIONS)

rpm: $(VENV)/.installed  ## the agent as an RPM package, in dist/
	$(BIN)/starproof bundle rpm $(PACKAGE_OPTIONS)

clean:  ## remove what the targets made
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis .coverage .coverage.* demo-output dist
