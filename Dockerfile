# Any image with Python 3.11 or newer, venv and pip will do as the base.
ARG BASE_IMAGE=python:3.11-slim

FROM ${BASE_IMAGE} AS builder
WORKDIR /build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 PIP_NO_COMPILE=1 PIP_ROOT_USER_ACTION=ignore
# The program's environment has no pip of its own: the builder's writes into it from outside.
RUN python -m venv --without-pip /opt/venv
COPY requirements.lock ./
RUN python -m pip --python /opt/venv/bin/python install --quiet --require-hashes -r requirements.lock
# The build backend, from the same pins and hashes as everywhere, stays behind in this stage.
COPY requirements-dev.lock ./
RUN awk '/^[a-z]/ { wanted = /^(hatchling|packaging|pathspec|pluggy|tomlkit|trove-classifiers)==/ } wanted' \
      requirements-dev.lock > requirements-build.lock \
 && python -m venv --without-pip /opt/build \
 && python -m pip --python /opt/build/bin/python install --quiet --require-hashes -r requirements-build.lock
COPY pyproject.toml README.md LICENSE spec.json ./
COPY stockticker_async/ stockticker_async/
RUN /opt/build/bin/python -m hatchling build -t wheel -d /build/dist \
 && python -m pip --python /opt/venv/bin/python install --quiet --no-index --no-deps dist/*.whl \
# Compiled by content, not by time stamp: nothing is looked up, and nothing is to be written, at start-up.
 && /opt/venv/bin/python -m compileall -q -j 0 --invalidation-mode unchecked-hash /opt/venv/lib

FROM ${BASE_IMAGE}
LABEL io.airbyte.name=airbyte/source-stockticker-async \
      io.airbyte.version=0.1.0 \
      org.opencontainers.image.title="Stock Ticker (async)" \
      org.opencontainers.image.licenses=MIT
RUN useradd --uid 1000 --user-group --create-home --home-dir /airbyte --shell /usr/sbin/nologin airbyte
COPY --from=builder /opt/venv /opt/venv
# Some bases ship the standard library without .pyc files: what the program imports of it is compiled here,
# because a read-only root would have it compiled anew at every start. (The terminal's colours, the library and
# Spark need extras, which the image does not have.)
RUN ["/opt/venv/bin/python", "-c", "import pkgutil, importlib, stockticker_async as p; \
[importlib.import_module(m.name) for m in pkgutil.walk_packages(p.__path__, p.__name__ + '.') \
if m.name != p.__name__ + '.connector.rich_terminal' and m.name.split('.')[1] not in ('library', 'spark')]"]
# The working directory is the platform's choice: never import what happens to lie there.
ENV PYTHONDONTWRITEBYTECODE=1 PYTHONSAFEPATH=1
USER airbyte
WORKDIR /airbyte
# The platform wraps the entrypoint: it has to say the same twice.
ENV AIRBYTE_ENTRYPOINT="/opt/venv/bin/python -m stockticker_async"
ENTRYPOINT ["/opt/venv/bin/python", "-m", "stockticker_async"]
