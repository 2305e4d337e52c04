# Airflow on one machine: SQLite, no examples, loopback only. Sourced by the demo; a server
# installation sets the same names in its own environment.
export AIRFLOW_HOME=${AIRFLOW_HOME:-$PWD/var/airflow}
export AIRFLOW__CORE__DAGS_FOLDER=${AIRFLOW__CORE__DAGS_FOLDER:-$PWD/dags}
export AIRFLOW__CORE__PLUGINS_FOLDER=${AIRFLOW__CORE__PLUGINS_FOLDER:-$PWD/plugins}
export AIRFLOW__CORE__LOAD_EXAMPLES=False
export AIRFLOW__CORE__PARALLELISM=2
export AIRFLOW__API__HOST=127.0.0.1
export AIRFLOW__LOGGING__LOGGING_LEVEL=INFO
# Where Spark runs. A cluster: {"conn_type":"spark","host":"k8s://...","extra":{"deploy-mode":"cluster"}}
export AIRFLOW_CONN_SPARK_DEFAULT=${AIRFLOW_CONN_SPARK_DEFAULT:-'{"conn_type":"spark","host":"local[2,2]","extra":{"deploy-mode":"client"}}'}
