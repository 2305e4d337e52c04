# Airflow's scheduler with the library, for Spark's client mode: the driver runs beside it.
#   docker build -f docker/scheduler.Dockerfile -t unposed-scheduler .
FROM python:3.11-slim-bookworm
RUN apt-get update \
 && apt-get install -y --no-install-recommends default-jre-headless libegl1 libgles2 libgl1 \
      libglib2.0-0 libgomp1 procps tini \
 && rm -rf /var/lib/apt/lists/*
WORKDIR /opt/unposed
COPY requirements.lock setup.cfg setup.py README.md ./
RUN pip install --no-cache-dir uv \
 && pip install --no-cache-dir "$(grep '^torch==' requirements.lock)" \
 && uv pip install --system --no-cache -r requirements.lock
COPY unposed_jobs unposed_jobs
COPY spark spark
COPY dags /opt/airflow/dags
COPY plugins /opt/airflow/plugins
COPY docker/airflow-setup.sh /usr/local/bin/airflow-setup
RUN uv pip install --system --no-cache --no-deps .
ENV AIRFLOW_HOME=/opt/airflow \
    AIRFLOW__CORE__LOAD_EXAMPLES=False \
    UNPOSED_CACHE=/opt/unposed/cache \
    UNPOSED_SPARK_JOBS=/opt/unposed/spark \
    SPARK_CONF_DIR=/opt/unposed/spark/conf/cpu
RUN unposed models fetch && useradd --create-home airflow && mkdir -p /var/lib/unposed \
 && chown -R airflow /opt/airflow /var/lib/unposed
USER airflow
ENTRYPOINT ["tini", "--"]
CMD ["airflow", "scheduler"]
