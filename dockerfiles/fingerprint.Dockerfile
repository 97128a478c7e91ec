ARG BASE
FROM ${BASE}-uv AS uv
FROM ${BASE}
ARG PINS=requirements.txt
COPY --chmod=755 components/fingerprint/${PINS} components/fingerprint/models*.txt components/fingerprint/
USER 0
RUN --mount=type=bind,from=uv,source=/opt/uv,target=/opt/uv \
    --mount=type=cache,target=/root/.cache/uv \
    --mount=type=secret,id=uv,target=/etc/uv/uv.toml \
    /opt/uv/bin/install-pins components/fingerprint/${PINS}
USER 10001:10001
COPY --chmod=755 components/shared components/shared
COPY --chmod=755 components/fingerprint components/fingerprint
