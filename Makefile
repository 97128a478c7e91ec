# Speechmill: `make` alone prints this help.
.DEFAULT_GOAL := help
PYTHON ?= $(shell command -v python3.11 || command -v python3)
export UV_PYTHON_DOWNLOADS = never

help: ## Print this help
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-14s %s\n", $$1, $$2}'

.venv/complete: requirements.txt requirements.bootstrap.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11) and f"expected Python 3.11, found {sys.version}: make PYTHON=path/to/python3.11")'
	$(PYTHON) -m venv .venv
	.venv/bin/pip install --quiet --disable-pip-version-check --require-hashes -r requirements.bootstrap.txt
	.venv/bin/uv pip sync --quiet --require-hashes --no-build-isolation --python .venv/bin/python requirements.txt
	.venv/bin/uv pip install --quiet --python .venv/bin/python --no-deps --no-build-isolation --editable .
	@touch $@

install: .venv/complete ## Install the command and one environment per stage
	@.venv/bin/python -m pipelines.local.environments

run: install ## Make a dataset, by default of the bundled sample: SOURCES=links.txt DATASET=name STORE=folder
	@.venv/bin/speechmill run $(if $(SOURCES),--sources "$(SOURCES)") $(if $(DATASET),--dataset "$(DATASET)") $(if $(STORE),--store "$(STORE)")

models: .venv/complete ## List the models, or fetch one and push it to the store: NAME=model FROM=URL-or-path STORE=folder
	@$(if $(NAME),.venv/bin/speechmill models fetch $(NAME) $(if $(FROM),--from "$(FROM)") && ).venv/bin/speechmill models \
	$(if $(NAME),push $(NAME) $(if $(STORE),--to "$(STORE)"),list $(if $(STORE),--store "$(STORE)"))

check: .venv/complete ## Check format, lint and types
	.venv/bin/ruff format --check .
	.venv/bin/ruff check .
	.venv/bin/mypy components pipelines store

test: install ## Run all tests but the slow ones, each in its environment, and print a summary: ARGS="-k cut"
	@.venv/bin/python tests/run.py -m "not slow" $(ARGS)

test-all: install ## Run every test, the slow ones too: ARGS="-k cut"
	@.venv/bin/python tests/run.py $(ARGS)

bench: install ## Measure all stages and the whole pipeline beside their peers, into docs/benchmarks.md: BENCH="--minutes 1"
	@PYTHONPATH=. .venv/bin/python benchmarks/all.py $(BENCH)

bench-install: .venv/complete ## Measure time and size of all environments, installed from nothing: BENCH="--only cut"
	@PYTHONPATH=. .venv/bin/python benchmarks/installs.py $(BENCH)

docs: .venv/complete ## Write the generated parts of README.md and docs/
	@.venv/bin/python -m docs.generate

pins: .venv/complete ## Resolve every requirements.in to pinned versions with hashes
	./pipelines/local/pins.sh

bump-yt-dlp: .venv/complete ## Update the pin of yt-dlp, which stops working within weeks, and no other
	printf 'yt-dlp\nyt-dlp-ejs\n' | .venv/bin/uv pip compile --quiet --python-version 3.11 --no-deps --no-header --no-annotate - \
	| while read -r pin; do sed -i "s/^$${pin%%==*}==.*/$$pin/" components/discover/requirements.in components/download/requirements.in; done
	./pipelines/local/pins.sh discover download

fetched: .venv/complete
	@.venv/bin/speechmill models fetch || echo "WARNING: the image models gets the small model of separate alone" >&2

images: fetched ## Build missing images and print sizes; image-STAGE builds one: GPU=1 BASE=image
	@.venv/bin/python -m pipelines.local.images $(if $(GPU),--gpu)

image-%: .venv/complete
	@.venv/bin/python -m pipelines.local.images $(if $(GPU),--gpu) $*

push: fetched ## Build missing images and push all to a registry: REGISTRY=host/prefix GPU=1
	@test -n "$(REGISTRY)" || { echo "expected REGISTRY=host/prefix" >&2; exit 1; }
	@.venv/bin/python -m pipelines.local.images $(if $(GPU),--gpu) --push "$(REGISTRY)"

compile: .venv/complete ## Compile the pipelines for Kubeflow into build/: REGISTRY=host/prefix GPU=1
	@.venv/bin/speechmill compile $(if $(GPU),--gpu) $(if $(REGISTRY),--registry "$(REGISTRY)")

deploy: .venv/complete ## Apply the manifests to the current cluster: OVERLAY=cpu|gpu|external-minio REGISTRY=host/prefix
	.venv/bin/python manifests/prepare.py $(if $(REGISTRY),--registry "$(REGISTRY)")
	kubectl apply --server-side --force-conflicts -k manifests/overlays/$(or $(OVERLAY),cpu)

# KFP_HOST is the address of Kubeflow's API, AWS_* the store, KUBECONFIG gives access to pods, KFP_UI is the web page.
# SPEECHMILL_IMAGE_LOADER is a command that loads images of this machine, its arguments, into the cluster.
# Tests skip if a variable that they need is not set.
test-cluster: install ## Test on a real Kubeflow; set KFP_HOST, AWS_*, KUBECONFIG, KFP_UI, SPEECHMILL_IMAGE_LOADER
	@names=$$({ .venv/bin/python -m pipelines.local.images; .venv/bin/python -m pipelines.local.images minio; } | awk '{print $$1}') \
	&& { test -z "$$SPEECHMILL_IMAGE_LOADER" || $$SPEECHMILL_IMAGE_LOADER $$names >/dev/null; }
	.venv/bin/python -m pytest -v tests/cluster $(ARGS)

clean: ## Remove environments and builds, but no datasets
	rm -rf .venv .venvs build

.PHONY: help install run models check test test-all bench bench-install docs pins bump-yt-dlp fetched images push compile deploy test-cluster clean
