# Two commands: `make demo` shows what reidindex does, `make test` runs everything that must be green.
PYTHON ?= python3
VENV   ?= .venv
DEMO   ?= demo-data
PIP     = $(VENV)/bin/python -m pip install --quiet --disable-pip-version-check -c constraints.txt
RUN     = $(VENV)/bin/reidindex

.PHONY: help demo test soak audit lint docs oldest peers integration fuzz readers browser bench clean

help:
	@echo "make demo   environment, install, then: draw a dataset, index it, show its statistics and batches"
	@echo "make test   environment, install, then: format, lint, types, the whole test suite"
	@echo "make soak   whatever may break an index, tried as often as an hour allows"
	@echo "make oldest the batches once more, under the oldest versions that are allowed"
	@echo "make audit  known vulnerabilities of the versions in constraints.txt"
	@echo "make integration  the frameworks that people train with, so that make test tries the sampler in them"
	@echo "make readers browser  libraries that read exports, and what drives Chromium: make test then tries both"
	@echo "make docs   write the datasets of docs/layouts.md anew, after a change of a layout file"
	@echo "make bench  measure speed: a build against find, opening against Arrow, the sampler against others"

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10))' || { echo "Python 3.10 or newer is needed: make PYTHON=python3.12 ..."; exit 1; }
	@$(PYTHON) -m venv $(VENV) || { echo "on Debian and Ubuntu: apt-get install python3-venv"; exit 1; }

$(VENV)/.installed: $(VENV)/bin/python pyproject.toml constraints.txt
	@echo "installing reidindex into $(VENV) (torch is the large part) ..."
	@$(PIP) -e .
	@touch $@

$(VENV)/.installed-test: $(VENV)/.installed
	@echo "installing what the tests need ..."
	@$(PIP) -e '.[test]'
	@touch $@

# Open Metric Learning says numpy<2, which nothing else here can have, and its sampler does not need.
$(VENV)/.installed-bench: $(VENV)/.installed-test
	@echo "installing the samplers that ours is measured against ..."
	@$(PIP) -e '.[bench]'
	@$(PIP) --no-deps open-metric-learning
	@touch $@

$(VENV)/.installed-integration: $(VENV)/.installed-test
	@echo "installing the frameworks that the sampler is tried in ..."
	@$(PIP) -e '.[integration]'
	@touch $@

$(VENV)/.installed-readers: $(VENV)/.installed-test
	@echo "installing libraries that read what we export ..."
	@$(PIP) -e '.[readers]'
	@touch $@

$(VENV)/.installed-fuzz: $(VENV)/.installed-test
	@echo "installing what looks for inputs that break a reader ..."
	@$(PIP) -e '.[fuzz]'
	@touch $@

$(VENV)/.installed-browser: $(VENV)/.installed-test
	@echo "installing what drives a browser ..."
	@$(PIP) -e '.[browser]'
	@command -v chromium >/dev/null || echo "the browser itself, on Debian and Ubuntu: apt-get install chromium"
	@touch $@

demo: $(VENV)/.installed
	@test -d $(DEMO) || $(RUN) demo $(DEMO)
	@echo; echo "\$$ reidindex build $(DEMO)"; $(RUN) build $(DEMO)
	@echo; echo "\$$ reidindex stats $(DEMO) --split train -p 4 -k 4"; $(RUN) stats $(DEMO) --split train -p 4 -k 4
	@echo; echo "\$$ reidindex plan $(DEMO) -p 4 -k 4 --each pair"; $(RUN) plan $(DEMO) -p 4 -k 4 --each pair
	@echo
	@echo "Next:"
	@echo "  look at the pictures          $(DEMO)/vis, nir, sk, cp"
	@echo "  index a dataset of your own   $(RUN) build /path/to/data"
	@echo "  which datasets are known      $(RUN) layouts"
	@echo "  use it in training            the ten lines in README.md"

lint: $(VENV)/.installed-test
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/ruff check .
	$(VENV)/bin/mypy

# What docs/layouts.md says of each dataset comes from the layout files; a test compares.
docs: $(VENV)/.installed
	$(VENV)/bin/python -m indexer.layouts.catalogue docs/layouts.md

test: lint
	$(VENV)/bin/python -m pytest --numprocesses auto --dist loadgroup

# Everything that may break an index, as often as there is time: all points of the crash sweep, all damage, a million batches.
soak: fuzz
	SOAK=1 CI=1 $(VENV)/bin/python -m pytest --numprocesses auto --dist loadgroup --timeout 3000 tests/reliability

# NumPy 1 and the oldest other versions: the same batches. Without torch, whose release for them is another.
oldest:
	@$(PYTHON) -m venv $(VENV)-oldest
	@$(VENV)-oldest/bin/python -m pip install --quiet --disable-pip-version-check -r .ci/oldest.txt
	@$(VENV)-oldest/bin/python -m pip install --quiet --disable-pip-version-check --no-deps -e .
	$(VENV)-oldest/bin/python -m pytest --numprocesses auto --dist loadgroup tests/test_golden_batches.py tests/test_plan.py tests/test_table.py tests/test_check.py tests/test_update.py

# With them, the test of the benchmarks runs them too.
peers: $(VENV)/.installed-bench

# With them, `make test` trains in each of them; without, it says what it skips.
integration: $(VENV)/.installed-integration

# With it, `make test` also lets a fuzzer look for inputs that break a reader.
# With them, `make test` reads exports with the libraries they are for, and opens a report in Chromium.
fuzz: $(VENV)/.installed-fuzz
readers: $(VENV)/.installed-readers
browser: $(VENV)/.installed-browser

# Known vulnerabilities of the versions in constraints.txt, as the Python Packaging Advisory Database tells them.
# What a mirror does not know is named as not audited; what is found is an error.
audit: $(VENV)/bin/python
	@test -d $(VENV)-audit || $(PYTHON) -m venv $(VENV)-audit
	@$(VENV)-audit/bin/python -m pip install --quiet --disable-pip-version-check pip-audit
	$(VENV)-audit/bin/pip-audit --requirement constraints.txt --no-deps --disable-pip --progress-spinner off

bench: peers
	$(VENV)/bin/python -m tests.benchmarks

clean:
	rm -rf $(VENV) $(VENV)-oldest $(VENV)-audit $(DEMO) .mypy_cache .ruff_cache .pytest_cache .hypothesis .benchmarks
