# What comes with the code for pipelines to load, and what puts it into a store; the Job of manifests/base/models.yaml runs it.
# BASE is the image of `publish`, which has the store's code and its client.
ARG BASE
FROM ${BASE}
COPY --chmod=755 bundled bundled
