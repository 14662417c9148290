# The portal, its worker and its scheduler: one image, three commands (compose.yaml, docs/operator.md).
FROM python:3.11-slim

ENV PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
RUN useradd --system --create-home --uid 10001 proofline \
    && install --directory --owner=proofline --group=proofline /srv/proofline
WORKDIR /opt/proofline

COPY requirements.lock ./
RUN pip install --no-deps --require-hashes --requirement requirements.lock

COPY . .
RUN python -m compileall -q config tenants evidence controls reports

ENV DJANGO_SETTINGS_MODULE=config.settings.production PROOFLINE_VAR=/srv/proofline
USER proofline
VOLUME /srv/proofline
EXPOSE 8000
CMD ["python", "-m", "granian", "--interface", "wsgi", "config.wsgi:application", "--host", "0.0.0.0", "--port", "8000", "--no-ws", "--workers", "2", "--blocking-threads", "4"]
