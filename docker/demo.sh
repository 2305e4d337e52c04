#!/usr/bin/env bash
# The whole way on one machine: a rendered catalogue, the weekly training, two nightly audits.
# usage: docker/demo.sh STATE_FOLDER DAY NEXT_DAY PRODUCTS
set -euo pipefail
state=$1 day=$2 next_day=$3 products=$4
export UNPOSED_HOME=$state AIRFLOW_HOME=$state/airflow
. docker/airflow-env.sh

say() { printf '\n\033[1m%s\033[0m\n' "$*"; }
dag() { # dag DAG_ID DAY: run it now, in this process, with a real spark-submit for each task
  local log=$state/logs/$1-$2.log
  if ! airflow dags test "$1" "$2" >"$log" 2>&1; then
    grep -h 'unposed: ' "$log" | tail -3 >&2 || true
    echo "$1 failed for $2; its log: $log" >&2
    exit 1
  fi
  # What the jobs themselves said, out of Airflow's log.
  grep -ohE '(pictures [0-9]+, new|audited [0-9]+ products|trained |promoted |rejected |gallery: ).*' \
    "$log" | sed 's/ \[airflow\..*//; s/^/  /'
}

# Fresh tables every time, so that the second night shows what it saves; the rendered
# pictures are kept, since the same seed draws the same ones.
rm -rf "$state"/{catalog.db*,warehouse,models,airflow,gallery,crops,logs,unposed.duckdb}
mkdir -p "$state/logs" "$AIRFLOW_HOME"
# The rendered pictures are small: a part of one has fewer pixels than a shop would ask for.
printf '[facts]\nleast_crop = 140\n' >"$state/demo.toml"
export UNPOSED_CONFIG=$state/demo.toml

say "1/5  A catalogue of $products products, rendered"
unposed sample-catalogue --out "$state/catalogue" --products "$products" --date "$day"

say "2/5  Airflow's own database"
airflow db migrate >"$state/logs/airflow.log" 2>&1
echo "  $AIRFLOW_HOME"

say "3/5  Weekly: learn the poses and their order from the popular products ($day)"
dag unposed_reference_retrain_weekly "$day"

say "4/5  Nightly: audit every product ($day)"
dag unposed_catalogue_audit_nightly "$day"

say "5/5  The next night ($next_day): only new and changed pictures are extracted"
dag unposed_catalogue_audit_nightly "$next_day"

say "What is missing on $next_day, the first products by rank"
unposed query "
  SELECT product_id, category, subcategory, rank, ask_name, shot_code, remedy
  FROM pose_flags_current WHERE state = 'missing' AND rank <= 2
  ORDER BY product_id, rank LIMIT 16"
say "Gaps that a part of a picture closes, cropped"
unposed crops --out "$state/crops"
say "What the second night saved"
unposed query "
  SELECT run_date AS night,
         CAST(figures ->> '\$.pictures' AS INT) AS pictures_seen,
         CAST(figures ->> '\$.unchanged' AS INT) AS unchanged,
         CAST(figures ->> '\$.extracted' AS INT) AS extracted,
         CAST(figures ->> '\$.seconds' AS DOUBLE) AS seconds
  FROM runs WHERE job = 'extract' AND state = 'published' AND run_id NOT IN (
    SELECT run_id FROM runs WHERE figures ->> '\$.scope' = 'reference')
  ORDER BY run_date"
say "Open the gallery:  $state/gallery/index.html"
say "Work in it:  UNPOSED_HOME=$state $(command -v unposed) serve"
echo "prints the address to open, which logs you in; Ctrl-C ends it"
echo "Try:  UNPOSED_HOME=$state $(command -v unposed) query \"SELECT * FROM top_missing_by_category\""
