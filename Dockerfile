# docker build -t elasticbench . && docker run --rm elasticbench
# As four containers that work together: compose.yaml.
FROM python:3.11-slim

# OpenCV loads these two libraries
RUN apt-get update \
    && apt-get install --yes --no-install-recommends libgl1 libglib2.0-0 \
    && rm -rf /var/lib/apt/lists/*

# PyTorch for processors is a tenth of what it is for GPUs; for these: --build-arg TORCH=https://pypi.org/simple
ARG TORCH=https://download.pytorch.org/whl/cpu

WORKDIR /elasticbench
COPY . source
RUN pip install --no-cache-dir --extra-index-url $TORCH -c source/constraints.txt ./source && rm -r source

CMD ["elasticbench", "run", "env=simulator"]
