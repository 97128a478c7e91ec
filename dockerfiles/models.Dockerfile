# Everything bundled, the fetched default model if there is one, and the program that puts them into a store. The Job of
# manifests/base/models.yaml runs it.
# BASE is the image of `publish`, which has the store's code and its client.
ARG BASE
FROM ${BASE}
COPY --chmod=755 bundled bundled
COPY --chmod=755 dat[a]/fetched-models bundled/models
