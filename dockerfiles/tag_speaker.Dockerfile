ARG BASE
FROM ${BASE}-uv AS uv
FROM ${BASE}
ARG PINS=requirements.txt
COPY --chmod=755 components/tag_speaker/${PINS} components/tag_speaker/models*.txt components/tag_speaker/
USER 0
RUN --mount=type=bind,from=uv,source=/opt/uv,target=/opt/uv \
    --mount=type=cache,target=/root/.cache/uv \
    --mount=type=secret,id=uv,target=/etc/uv/uv.toml \
    /opt/uv/bin/install-pins components/tag_speaker/${PINS}
USER 10001:10001
COPY --chmod=755 components/shared components/shared
COPY --chmod=755 components/tag_speaker components/tag_speaker
