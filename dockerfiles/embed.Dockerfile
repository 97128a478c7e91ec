# PyPI has PyTorch with CUDA alone, 4.5 GB of it. With TORCH_INDEX=https://download.pytorch.org/whl/cpu its own index gives the
# build without, whose hashes no pin knows.
ARG BASE
FROM ${BASE}-uv AS uv
FROM ${BASE}
ARG PINS=requirements.txt
ARG TORCH_INDEX
COPY --chmod=755 components/embed/${PINS} components/embed/models*.txt components/embed/
USER 0
RUN --mount=type=bind,from=uv,source=/opt/uv,target=/opt/uv \
    --mount=type=cache,target=/root/.cache/uv \
    --mount=type=secret,id=uv,target=/etc/uv/uv.toml \
    pins=components/embed/${PINS} \
 && if [ -z "${TORCH_INDEX}" ]; then exec /opt/uv/bin/install-pins "$pins"; fi \
 && awk '/^[^ ]/ { skipped = /^(torch|triton|cuda-|nvidia-)/ } !skipped' "$pins" >/tmp/requirements.txt \
 && /opt/uv/bin/install-pins /tmp/requirements.txt \
 && UV_CACHE_DIR=/root/.cache/uv UV_LINK_MODE=copy /opt/uv/bin/uv pip install --no-deps --compile-bytecode --python /opt/venv/bin/python \
    --index-url "${TORCH_INDEX}" "$(sed -n 's/^\(torch==[^ ]*\) .*/\1/p' "$pins")" \
 && rm /tmp/requirements.txt
USER 10001:10001
COPY --chmod=755 components/shared components/shared
COPY --chmod=755 components/embed components/embed
