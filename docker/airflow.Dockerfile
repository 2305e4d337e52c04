# Airflow with the DAGs. It submits Spark jobs; it runs no model, so it has no torch or mediapipe.
#   docker build -f docker/airflow.Dockerfile -t unposed-airflow .
FROM python:3.11-slim-bookworm
RUN apt-get update \
 && apt-get install -y --no-install-recommends default-jre-headless procps tini \
 && rm -rf /var/lib/apt/lists/*
WORKDIR /opt/unposed
COPY requirements.lock ./
RUN pip install --no-cache-dir uv \
 && grep -vE '^(torch|mediapipe|faiss-cpu|lightgbm|numba|llvmlite|opencv-contrib-python|duckdb)==' \
      requirements.lock > airflow.lock \
 && uv pip install --system --no-cache --no-deps -r airflow.lock
COPY dags /opt/airflow/dags
COPY docker/airflow-setup.sh /usr/local/bin/airflow-setup
ENV AIRFLOW_HOME=/opt/airflow \
    AIRFLOW__CORE__LOAD_EXAMPLES=False \
    UNPOSED_SPARK_JOBS=local:///opt/unposed/spark
RUN useradd --create-home airflow && chown -R airflow /opt/airflow
USER airflow
ENTRYPOINT ["tini", "--"]
CMD ["airflow", "standalone"]
