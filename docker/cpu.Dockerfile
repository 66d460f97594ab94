# docker build -f docker/cpu.Dockerfile -t reid-tables:cpu .
# docker run --rm -v "$PWD/out:/work" reid-tables:cpu run --table mpn_ablation
FROM python:3.13-slim-bookworm

WORKDIR /opt/reid-tables
# Versions are pyproject.toml's: lower bounds, and the newest is tested. PyTorch first: it changes less often than the code, and PyPI's wheels for Linux bring CUDA.
# hadolint ignore=DL3013
RUN pip install --no-cache-dir --index-url https://download.pytorch.org/whl/cpu torch torchvision
COPY pyproject.toml README.md LICENSE ./
COPY harness harness
COPY methods methods
RUN pip install --no-cache-dir .

# Results and reports go where the command is started, the drawn dataset and other caches beside them.
ENV HARNESS_CACHE=/work/cache
WORKDIR /work
ENTRYPOINT ["reid-tables"]
CMD ["list"]
