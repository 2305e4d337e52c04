#!/usr/bin/env bash
# Makes what the DAGs need in a running Airflow, and says in one line each what is still lacking.
# usage: docker/airflow-setup.sh [SPARK_JOBS_AT_ONCE]
set -euo pipefail
lacking=0
lack() { echo "unposed: $*" >&2; lacking=1; }

for pool in "${UNPOSED_SPARK_POOL:-default_pool} ${1:-2}" "${UNPOSED_EXTRACT_POOL:-default_pool} 1"; do
  read -r name slots <<<"$pool"
  [ "$name" = default_pool ] && continue
  airflow pools set "$name" "$slots" "unposed: at once" >/dev/null || lack "no pool $name: is the database migrated?"
done
airflow connections get spark_default >/dev/null 2>&1 \
  || lack 'no connection spark_default: set AIRFLOW_CONN_SPARK_DEFAULT, or spark-submit goes to YARN'
command -v spark-submit >/dev/null \
  || lack 'no spark-submit on the PATH: put the environment with pyspark on it'
if errors=$(airflow dags list-import-errors 2>/dev/null) && ! grep -q 'No data found' <<<"$errors"; then
  lack "DAGs that do not load: airflow dags list-import-errors"
fi
exit "$lacking"
