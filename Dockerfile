# The image of every role: worker by default, any `paywarden` command by argument. Runs as a user without rights, on a
# read-only file system; a worker writes only to /var/lib/paywarden, which may be a tmpfs: state lives in Kafka. A case
# store in a file belongs on a volume at /var/lib/paywarden-store.
FROM python:3.11-slim-bookworm AS build
WORKDIR /src
COPY requirements.worker.lock ./
RUN python -m venv /opt/paywarden \
 && /opt/paywarden/bin/pip install --no-cache-dir --require-hashes -r requirements.worker.lock
COPY pyproject.toml README.md LICENSE ./
COPY streams streams
COPY models models
COPY producers producers
# Compiled here because a read-only file system cannot keep bytecode; -P so that the installed packages are looked at.
RUN /opt/paywarden/bin/pip install --no-cache-dir --no-deps --no-build-isolation . \
 && /opt/paywarden/bin/python -P -m streams.adapters.packaging \
 && /opt/paywarden/bin/python -m compileall -q /opt/paywarden/lib

FROM python:3.11-slim-bookworm
COPY --from=build /opt/paywarden /opt/paywarden
# Faust creates only the last element of its data directory, below TMPDIR, and ends the worker when a parent is missing.
RUN useradd --system --uid 10001 --home-dir /var/lib/paywarden --shell /usr/sbin/nologin paywarden \
 && mkdir -p /var/lib/paywarden /var/lib/paywarden-store \
 && chown -R paywarden:paywarden /var/lib/paywarden /var/lib/paywarden-store
ENV PATH=/opt/paywarden/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    TMPDIR=/var/lib/paywarden \
    PAYWARDEN_WEB_HOST=0.0.0.0
WORKDIR /var/lib/paywarden
USER 10001:10001
EXPOSE 6066
HEALTHCHECK --interval=10s --timeout=3s --start-period=20s \
  CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:6066/healthz', timeout=2)"]
ENTRYPOINT ["paywarden"]
CMD ["worker"]
