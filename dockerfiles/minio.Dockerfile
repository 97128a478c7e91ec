# The MinIO server, which publishes no images any more, built from its Go module. Go comes as a module too, from the module
# proxy: the build needs no other registry than its base's.
ARG BASE=debian:bookworm-slim
FROM ${BASE} AS build
ARG GOPROXY=https://proxy.golang.org
ARG GO=golang.org/toolchain/@v/v0.0.1-go1.26.8.linux-amd64.zip
ARG GO_SHA256=30c2b1bf7dcc88d3eb0a1364e47ddd9128edb3110a30e8a0ef61cd5856b31de7
ARG MINIO=v0.0.0-20260212201848-7aac2a2c5b7c
RUN apt-get update \
 && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends ca-certificates curl unzip \
 && rm -rf /var/lib/apt/lists/*
RUN curl --fail --silent --show-error --location --output /go.zip "${GOPROXY%%,*}/${GO}" \
 && echo "${GO_SHA256}  /go.zip" | sha256sum --check --quiet \
 && unzip -q /go.zip -d /unpacked && mv /unpacked/golang.org/toolchain@* /usr/local/go && rm -r /go.zip /unpacked \
 && chmod -R a+x /usr/local/go/bin /usr/local/go/pkg/tool
RUN --mount=type=cache,target=/root/go/pkg/mod --mount=type=cache,target=/root/.cache/go-build \
    CGO_ENABLED=0 GOTOOLCHAIN=local GOBIN=/out /usr/local/go/bin/go install -trimpath -ldflags='-s -w' "github.com/minio/minio@${MINIO}" \
 && install -m 644 "/root/go/pkg/mod/github.com/minio/minio@${MINIO}/LICENSE" /out/ \
 && mkdir /out/data

FROM scratch
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/
COPY --from=build /out/LICENSE /
COPY --from=build /out/minio /usr/bin/
COPY --from=build --chown=10001:10001 /out/data /data
LABEL org.opencontainers.image.licenses=AGPL-3.0-or-later
ENV PATH=/usr/bin HOME=/tmp MINIO_UPDATE=off MINIO_BROWSER=off
USER 10001:10001
VOLUME /data
EXPOSE 9000
CMD ["minio", "server", "/data"]
