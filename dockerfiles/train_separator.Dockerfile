ARG BASE
FROM ${BASE}-uv AS uv
FROM ${BASE}
ARG PINS=requirements.txt
COPY --chmod=755 components/train_separator/${PINS} components/train_separator/models*.txt components/train_separator/
USER 0
RUN --mount=type=bind,from=uv,source=/opt/uv,target=/opt/uv \
    --mount=type=cache,target=/root/.cache/uv \
    --mount=type=secret,id=uv,target=/etc/uv/uv.toml \
    /opt/uv/bin/install-pins components/train_separator/${PINS}
USER 10001:10001
COPY --chmod=755 components/shared components/shared
COPY --chmod=755 components/train_separator components/train_separator
COPY --chmod=755 store store
