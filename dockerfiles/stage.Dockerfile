# The image of one stage. STAGE is the folder's name under components/. PINS is the file there that pins its packages. STORE=yes
# adds the `store` package. BASE is an image of base.Dockerfile. pipelines/local/images.py passes all of them.
ARG BASE
ARG STORE
FROM ${BASE}-uv AS uv
FROM ${BASE} AS stage
ARG STAGE
ARG PINS=requirements.txt
COPY --chmod=755 components/${STAGE}/${PINS} components/${STAGE}/models*.txt components/${STAGE}/
USER 0
RUN --mount=type=bind,from=uv,source=/opt/uv,target=/opt/uv \
    --mount=type=cache,target=/root/.cache/uv \
    --mount=type=secret,id=uv,target=/etc/uv/uv.toml \
    /opt/uv/bin/install-pins components/${STAGE}/${PINS}
USER 10001:10001
COPY --chmod=755 components/__init__.py components/
COPY --chmod=755 components/shared components/shared
COPY --chmod=755 components/${STAGE} components/${STAGE}

FROM stage AS stage-with-store
COPY --chmod=755 store store

FROM stage${STORE:+-with-store}
