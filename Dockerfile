# The storage API's image.
#   docker build --tag observability-platform/storage-api:0.1.0 .
# Runs as an unprivileged user on a read-only root file system: it writes only to /data (objects) and /tmp (spooled
# request bodies), and needs neither a shell nor any other program. Trace export is included but off by default.

# The tag and the digest of its multi-platform index, as docker-library/repo-info records them.
ARG PYTHON_IMAGE=python:3.13.15-slim-trixie@sha256:afd91e25d0d1b40e4c92bf716154ec3c4a9f0de1ce2a5c3663007fb6918eaf9c

FROM ${PYTHON_IMAGE} AS build
COPY service/requirements-traces.txt /tmp/requirements.txt
RUN pip install --no-cache-dir --disable-pip-version-check --root-user-action=ignore \
      --require-hashes --only-binary=:all: --target /app -r /tmp/requirements.txt
COPY service/storage_api /app/storage_api
# Compile now: a read-only root cannot cache bytecode later. With unchecked-hash, Python does not compare it with the
# sources' modification times.
RUN python -m compileall -q --invalidation-mode unchecked-hash /app && mkdir /data

FROM ${PYTHON_IMAGE}
ARG VERSION=0.1.0
ARG REVISION=unknown
LABEL org.opencontainers.image.title="storage-api" \
      org.opencontainers.image.description="Objects in buckets over HTTP, instrumented for Prometheus" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}" \
      org.opencontainers.image.licenses="Apache-2.0"
COPY --from=build /app /app
COPY --from=build --chown=65532:65532 /data /data
ENV PYTHONPATH=/app PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1
USER 65532:65532
WORKDIR /app
VOLUME ["/data"]
EXPOSE 5000
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=30s --timeout=10s --start-period=30s \
  CMD ["python", "-m", "storage_api.healthcheck"]
ENTRYPOINT ["python", "-m", "storage_api"]
