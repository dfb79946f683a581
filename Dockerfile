# The suite and its reference deployment. Everything a run writes goes to /reports and /tmp, so that the root of the
# container may be read-only:
#   docker run --rm --read-only --tmpfs /tmp -v "$PWD/reports:/reports" emqx-conformance run --base-url ...
# Linux only needs the folder on the host to belong to the user that runs it: add --user "$(id -u):$(id -g)".

FROM python:3.11-slim-bookworm AS build
WORKDIR /source
COPY . .
RUN python -m venv /opt/emqx-conformance \
    && /opt/emqx-conformance/bin/pip install --no-cache-dir . \
    && XDG_CACHE_HOME=/opt/emqx-conformance/cache /opt/emqx-conformance/bin/emqx-conformance --version \
    && chmod -R a+rX /opt/emqx-conformance/cache \
    && /opt/emqx-conformance/bin/pip uninstall --yes pip

FROM python:3.11-slim-bookworm
LABEL org.opencontainers.image.title="emqx-conformance" \
      org.opencontainers.image.description="Contract-testing conformance suite for the EMQX Dedicated REST API (v5)" \
      org.opencontainers.image.licenses="Apache-2.0"
COPY --from=build /opt/emqx-conformance /opt/emqx-conformance
# The contract is assembled already: a cache that cannot be written is only read.
ENV PATH="/opt/emqx-conformance/bin:$PATH" \
    PYTHONDONTWRITEBYTECODE=1 \
    XDG_CACHE_HOME=/opt/emqx-conformance/cache \
    EMQX_CONFORMANCE_REPORT_DIR=/reports
RUN useradd --uid 10001 --no-create-home --shell /usr/sbin/nologin conformance \
    && install -d -m 1777 /reports
USER 10001
WORKDIR /reports
VOLUME /reports
ENTRYPOINT ["emqx-conformance"]
CMD ["run"]
