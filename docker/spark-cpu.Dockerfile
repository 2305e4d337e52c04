# Spark driver and CPU executors: the library without Airflow.
#   docker build -f docker/spark-cpu.Dockerfile -t unposed-spark:cpu .
FROM python:3.11-slim-bookworm
RUN apt-get update \
 && apt-get install -y --no-install-recommends default-jre-headless libegl1 libgles2 libgl1 \
      libglib2.0-0 libgomp1 procps tini \
 && rm -rf /var/lib/apt/lists/*
WORKDIR /opt/unposed
COPY requirements.lock setup.cfg setup.py README.md ./
# CPU build of torch where the index offers one; PIP_EXTRA_INDEX_URL is the builder's to set.
RUN pip install --no-cache-dir uv \
 && pip install --no-cache-dir "$(grep '^torch==' requirements.lock)" \
 && grep -vE '^(apache-airflow|numba==|llvmlite==)' requirements.lock > spark.lock \
 && uv pip install --system --no-cache -r spark.lock
COPY unposed_jobs unposed_jobs
COPY spark spark
RUN uv pip install --system --no-cache --no-deps .
ENV UNPOSED_HOME=/var/lib/unposed \
    UNPOSED_CACHE=/opt/unposed/cache \
    SPARK_CONF_DIR=/opt/unposed/spark/conf/cpu \
    PYSPARK_PYTHON=python3
# The weights belong in the image: executors have no business downloading.
RUN unposed models fetch && useradd --create-home unposed && mkdir -p /var/lib/unposed \
 && chown unposed /var/lib/unposed
USER unposed
ENTRYPOINT ["tini", "--"]
CMD ["unposed", "--help"]
