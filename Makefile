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

install: .venv/complete ## Install the command and one environment a stage
	@.venv/bin/python -m pipelines.local.environments

run: install ## Make a dataset: SOURCES=links.txt DATASET=name STORE=folder; the bundled sample by default
	@.venv/bin/speechmill run $(if $(SOURCES),--sources "$(SOURCES)") $(if $(DATASET),--dataset "$(DATASET)") $(if $(STORE),--store "$(STORE)")

models: .venv/complete ## List the models; NAME=one fetches it and puts it into the store: FROM=URL or path, STORE=folder
	@$(if $(NAME),.venv/bin/speechmill models fetch $(NAME) $(if $(FROM),--from "$(FROM)") && ).venv/bin/speechmill models \
	$(if $(NAME),push $(NAME) $(if $(STORE),--to "$(STORE)"),list $(if $(STORE),--store "$(STORE)"))

check: .venv/complete ## Format, lint and type check
	.venv/bin/ruff format --check .
	.venv/bin/ruff check .
	.venv/bin/mypy components pipelines store

test: install ## Run every test where it belongs and print one summary
	@.venv/bin/python tests/run.py $(ARGS)

docs: .venv/complete ## Write the generated parts of README.md and docs/
	@.venv/bin/python -m docs.generate

pins: .venv/complete ## Resolve every requirements.in into hashed pins
	./pipelines/local/pins.sh

bump-yt-dlp: .venv/complete ## Renew the pin of yt-dlp, which rots within weeks, and no other
	printf 'yt-dlp\nyt-dlp-ejs\n' | .venv/bin/uv pip compile --quiet --python-version 3.11 --no-deps --no-header --no-annotate - \
	| while read -r pin; do sed -i "s/^$${pin%%==*}==.*/$$pin/" components/discover/requirements.in components/download/requirements.in; done
	./pipelines/local/pins.sh discover download

images: .venv/complete ## Build what images are missing, print their sizes (image-STAGE: one): GPU=1, BASE=image to start from
	@.venv/bin/python -m pipelines.local.images $(if $(GPU),--gpu)

image-%: .venv/complete
	@.venv/bin/python -m pipelines.local.images $(if $(GPU),--gpu) $*

push: .venv/complete ## Build what images are missing and hand all to a registry: REGISTRY=host/prefix, GPU=1
	@test -n "$(REGISTRY)" || { echo "expected REGISTRY=host/prefix" >&2; exit 1; }
	@.venv/bin/python -m pipelines.local.images $(if $(GPU),--gpu) --push "$(REGISTRY)"

compile: .venv/complete ## Compile the pipelines for Kubeflow into build/: REGISTRY=host/prefix/, GPU=1
	@.venv/bin/speechmill compile $(if $(GPU),--gpu) $(if $(REGISTRY),--registry "$(REGISTRY)")

deploy: .venv/complete ## Apply the manifests to the current cluster: OVERLAY=cpu|gpu|external-minio, REGISTRY=host/prefix
	.venv/bin/python manifests/prepare.py $(if $(REGISTRY),--registry "$(REGISTRY)")
	kubectl apply --server-side --force-conflicts -k manifests/overlays/$(or $(OVERLAY),cpu)

# KFP_HOST and AWS_* lead to a Kubeflow and its store, KUBECONFIG to its pods, KFP_UI to its web page; SPEECHMILL_IMAGE_LOADER
# is a command that makes images of this machine, its arguments, known to the cluster. What is not named is skipped.
test-cluster: install ## Run the tests against a real Kubeflow: KFP_HOST, AWS_*, KUBECONFIG, KFP_UI, SPEECHMILL_IMAGE_LOADER
	@names=$$({ .venv/bin/python -m pipelines.local.images; .venv/bin/python -m pipelines.local.images minio; } | awk '{print $$1}') \
	&& { test -z "$$SPEECHMILL_IMAGE_LOADER" || $$SPEECHMILL_IMAGE_LOADER $$names >/dev/null; }
	.venv/bin/python -m pytest -v tests/cluster $(ARGS)

clean: ## Remove environments and builds; datasets stay
	rm -rf .venv .venvs build

.PHONY: help install run models check test docs pins bump-yt-dlp images push compile deploy test-cluster clean
