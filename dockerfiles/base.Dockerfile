# What every stage's image begins with: Python 3.11, the certificates, the shared requirements (ffmpeg is in one of their
# wheels), the user. Target `uv` is not in any image: it carries the installer that builds mount.
ARG BASE=debian:bookworm-slim
FROM ${BASE} AS python
RUN apt-get update \
 && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends ca-certificates python3 \
 && rm -rf /var/lib/apt/lists/* /var/cache/* /var/log/*

FROM python AS uv
RUN apt-get update \
 && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends python3-venv \
 && rm -rf /var/lib/apt/lists/*
COPY requirements.bootstrap.txt /
RUN --mount=type=secret,id=pip,target=/etc/pip.conf \
    python3 -m venv /opt/uv \
 && /opt/uv/bin/pip install --cert /etc/ssl/certs/ca-certificates.crt --no-cache-dir --require-hashes -r /requirements.bootstrap.txt
COPY --chmod=755 dockerfiles/install.sh /opt/uv/bin/install-pins

FROM python AS base
RUN echo 'speechmill:x:10001:10001::/tmp:/usr/sbin/nologin' >>/etc/passwd && echo 'speechmill:x:10001:' >>/etc/group
ENV PATH=/opt/venv/bin:/usr/local/bin:/usr/bin:/bin \
    PYTHONPATH=/app PYTHONSAFEPATH=1 PYTHONUNBUFFERED=1 PYTHONUTF8=1 PYTHONDONTWRITEBYTECODE=1 \
    XDG_CACHE_HOME=/tmp/cache KERAS_HOME=/tmp/keras MPLCONFIGDIR=/tmp/matplotlib NUMBA_CACHE_DIR=/tmp/numba \
    SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt REQUESTS_CA_BUNDLE=/etc/ssl/certs/ca-certificates.crt
WORKDIR /app
COPY --chmod=755 components/shared/requirements.txt components/shared/
RUN --mount=type=bind,from=uv,source=/opt/uv,target=/opt/uv \
    --mount=type=cache,target=/root/.cache/uv \
    --mount=type=secret,id=uv,target=/etc/uv/uv.toml \
    /opt/uv/bin/install-pins components/shared/requirements.txt
USER 10001:10001
CMD ["python"]
