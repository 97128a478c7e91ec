ARG BASE
FROM ${BASE}-uv AS uv
FROM ${BASE}
ARG PINS=requirements.txt
COPY --chmod=755 components/tag_quality/${PINS} components/tag_quality/models*.txt components/tag_quality/
USER 0
RUN --mount=type=bind,from=uv,source=/opt/uv,target=/opt/uv \
    --mount=type=cache,target=/root/.cache/uv \
    --mount=type=secret,id=uv,target=/etc/uv/uv.toml \
    /opt/uv/bin/install-pins components/tag_quality/${PINS}
USER 10001:10001
COPY --chmod=755 components/shared components/shared
COPY --chmod=755 components/tag_quality components/tag_quality
