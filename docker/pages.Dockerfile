# The pages of unposed serve: the library without networks, Spark and Airflow. One process.
#   docker build -f docker/pages.Dockerfile -t unposed-pages .
FROM python:3.11-slim-bookworm
RUN apt-get update \
 && apt-get install -y --no-install-recommends libglib2.0-0 libgomp1 tini \
 && rm -rf /var/lib/apt/lists/*
WORKDIR /opt/unposed
COPY requirements.lock setup.cfg setup.py README.md ./
RUN pip install --no-cache-dir uv \
 && grep -vE '^(torch|mediapipe|openvino|pyspark|pyspark-client|faiss-cpu|numba|llvmlite|playwright|apache-airflow[a-z-]*)==' \
      requirements.lock > pages.lock \
 && uv pip install --system --no-cache --no-deps -r pages.lock
COPY unposed_jobs unposed_jobs
RUN uv pip install --system --no-cache --no-deps .
ENV UNPOSED_HOME=/var/lib/unposed
RUN useradd --create-home unposed && mkdir -p /var/lib/unposed && chown unposed /var/lib/unposed
USER unposed
EXPOSE 8642
ENTRYPOINT ["tini", "--"]
CMD ["unposed", "serve"]
