# The HTTP interface and the workers: one image, chosen by the command (see docker-compose.yml).
FROM python:3.12-slim AS build
RUN apt-get update && apt-get install --yes --no-install-recommends gcc libc6-dev \
    && rm -rf /var/lib/apt/lists/*
WORKDIR /source
COPY setup.cfg setup.py pyproject.toml README.md LICENSE ./
COPY build_backend build_backend
COPY compat compat
COPY jobs jobs
COPY migration migration
RUN python -m venv /app/venv \
    && JETBULL_COMPILE=1 /app/venv/bin/pip install --no-cache-dir ".[api,audiobook,diacritics,postgres,nkeys,migrate,speed]"

FROM python:3.12-slim
RUN useradd --system --create-home --home-dir /app/home --uid 10001 jetbull \
    && mkdir -p /app/data && chown jetbull: /app/data
COPY --from=build /app/venv /app/venv
ENV PATH=/app/venv/bin:$PATH PYTHONUNBUFFERED=1 AUDIBOOK_DATA_DIR=/app/data LOG_FORMAT=json
USER 10001
WORKDIR /app/home
STOPSIGNAL SIGTERM
ENTRYPOINT ["jetbull"]
CMD ["--help"]
