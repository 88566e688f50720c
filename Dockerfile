# One image for all services; docker-compose.yml defines the command of each container.
FROM python:3.12-slim

ENV PYTHONUNBUFFERED=1 PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1

# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install --yes --no-install-recommends git libgomp1 make tini \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --create-home --uid 10001 lab \
    && install --directory --owner=lab --group=lab /lab /opt/venv

USER 10001
WORKDIR /lab
ENV PATH=/opt/venv/bin:$PATH

# The pinned packages seldom change, so they have their own layer
COPY --chown=lab:lab pyproject.toml requirements.txt README.md ./
COPY --chown=lab:lab tradelab/__init__.py tradelab/__init__.py
RUN python -m venv /opt/venv && pip install -r requirements.txt

COPY --chown=lab:lab . .

ENTRYPOINT ["tini", "--"]
CMD ["tradelab", "--help"]
