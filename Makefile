# The two commands are `make demo` and `make test`; each makes its own .venv first.
# PYTHON=python3.12 chooses the Python that .venv is made with.
.DEFAULT_GOAL := help
.PHONY: help demo test soak format lock clean
export PYTHON

BIN := .venv/bin
ARGS ?=

# The oldest Python we support decides what is pinned, so that newer ones lack nothing.
LOCK_PYTHON ?= python3.11
PIP_TOOLS := pip-tools==7.6.2
LOCK := env -u PIP_FIND_LINKS -u PIP_INDEX_URL -u PIP_EXTRA_INDEX_URL PIP_CONFIG_FILE=/dev/null \
	CUSTOM_COMPILE_COMMAND="make lock" .venv/lock/bin/pip-compile --quiet --generate-hashes --allow-unsafe \
	--strip-extras --no-emit-index-url --no-emit-find-links --build-deps-for editable $(ARGS)

help: ## this list
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 16

demo: ## two nodes on this machine until Ctrl-C (ARGS=--once plays the whole story and ends)
	@.ci/prepare requirements.txt
	@exec $(BIN)/entente demo $(ARGS)

test: ## every check and test, as CI runs them (ARGS="-k word" is for pytest)
	@.ci/prepare requirements-test.txt
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/entente translations check
	$(BIN)/entente areas check
	if [ -f protocol/vectors/make.py ]; then $(BIN)/python protocol/vectors/make.py; fi
	git diff --exit-code -- protocol/vectors
	@exec $(BIN)/pytest --numprocesses auto --maxprocesses 4 --dist worksteal $(ARGS)

soak: ## simulate many networks under every fault (ARGS="--seeds 100000 --jobs 8" as many as you want)
	@.ci/prepare requirements.txt
	@exec $(BIN)/entente simulate --seeds 2000 --jobs 2 $(ARGS)

format: ## sort imports, mend what can be mended, lay out the code
	@.ci/prepare requirements-test.txt
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

lock: ## pin the dependencies of pyproject.toml again (ARGS=--upgrade takes newer ones)
	$(LOCK_PYTHON) -m venv --clear .venv/lock
	.venv/lock/bin/pip install -qq $(PIP_TOOLS)
	$(LOCK) --output-file requirements.txt pyproject.toml
	$(LOCK) --extra test --constraint requirements.txt --output-file requirements-test.txt pyproject.toml

clean: ## remove everything that the other targets made
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache build *.egg-info
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
