ARG BASE
FROM ${BASE}-uv AS uv
FROM ${BASE}
ARG PINS=requirements.txt
COPY --chmod=755 components/report/${PINS} components/report/models*.txt components/report/
USER 0
RUN --mount=type=bind,from=uv,source=/opt/uv,target=/opt/uv \
    --mount=type=cache,target=/root/.cache/uv \
    --mount=type=secret,id=uv,target=/etc/uv/uv.toml \
    /opt/uv/bin/install-pins components/report/${PINS}
USER 10001:10001
COPY --chmod=755 components/shared components/shared
COPY --chmod=755 components/report components/report
COPY --chmod=755 store store
