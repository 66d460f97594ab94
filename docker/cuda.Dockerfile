# docker build -f docker/cuda.Dockerfile -t reid-tables:cuda .
# docker run --rm --gpus all --ipc=host -v "$PWD/out:/work" -v /data:/data reid-tables:cuda run --table mpn_ablation --data-root /data
# PyPI's wheels of PyTorch bring the CUDA libraries. The host needs the NVIDIA driver and its container toolkit.
FROM python:3.13-slim-bookworm

WORKDIR /opt/reid-tables
# Versions are pyproject.toml's: lower bounds, and the newest is tested. PyTorch first: it changes less often than the code.
# hadolint ignore=DL3013
RUN pip install --no-cache-dir torch torchvision
COPY pyproject.toml README.md LICENSE ./
COPY harness harness
COPY methods methods
# hadolint ignore=DL3013
RUN pip install --no-cache-dir ".[cluster,timm]"

# Results and reports go where the command is started, the drawn dataset and other caches beside them.
ENV HARNESS_CACHE=/work/cache
ENV NVIDIA_VISIBLE_DEVICES=all
ENV NVIDIA_DRIVER_CAPABILITIES=compute,utility
WORKDIR /work
ENTRYPOINT ["reid-tables"]
CMD ["list"]
