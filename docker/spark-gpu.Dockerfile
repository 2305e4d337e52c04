# GPU executors: the CPU image's contents on CUDA. One executor owns one GPU (spark/conf/gpu).
#   docker build -f docker/spark-gpu.Dockerfile -t unposed-spark:gpu .
FROM nvidia/cuda:13.0.1-runtime-ubuntu24.04
# gcc and Python's headers: the networks are compiled for the GPU when they are first run.
RUN apt-get update \
 && apt-get install -y --no-install-recommends python3 python3-venv python3-dev gcc libc6-dev \
      default-jre-headless \
      libegl1 libgles2 libgl1 libglib2.0-0t64 libgomp1 procps tini \
 && rm -rf /var/lib/apt/lists/*
WORKDIR /opt/unposed
ENV VIRTUAL_ENV=/opt/venv PATH=/opt/venv/bin:$PATH
RUN python3 -m venv /opt/venv && pip install --no-cache-dir uv
COPY requirements.lock setup.cfg setup.py README.md ./
# torch from the index is the CUDA build; ONNX Runtime has a package of its own for it.
RUN grep -vE '^(apache-airflow|numba==|llvmlite==)' requirements.lock \
      | sed 's/^onnxruntime==/onnxruntime-gpu==/' > spark.lock \
 && uv pip install --no-cache -r spark.lock
COPY unposed_jobs unposed_jobs
COPY spark spark
RUN uv pip install --no-cache --no-deps .
ENV UNPOSED_HOME=/var/lib/unposed \
    UNPOSED_CACHE=/opt/unposed/cache \
    SPARK_CONF_DIR=/opt/unposed/spark/conf/gpu \
    PYSPARK_PYTHON=/opt/venv/bin/python
RUN unposed models fetch && useradd --create-home unposed && mkdir -p /var/lib/unposed \
 && chown unposed /var/lib/unposed
USER unposed
ENTRYPOINT ["tini", "--"]
CMD ["unposed", "--help"]
