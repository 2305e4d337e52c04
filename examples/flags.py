"""Missing poses from a table of landmarks: ``python examples/flags.py TABLE.parquet``.

One row for each picture: product_id, category, image_uri and landmarks, a list of 33 x 5 values
(x, y, z, visibility, presence) or 17 x 3 (x, y, score), null without a person. Every product is a
reference product here, and equally popular.
"""

import datetime
import hashlib
import sys

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from unposed_jobs.audit.expectations import Expectations
from unposed_jobs.audit.inference import AuditRun, audit_products
from unposed_jobs.audit.products import products_batch
from unposed_jobs.config import AuditSettings, TrainingSettings
from unposed_jobs.reference.training import train_reference

table = pq.read_table(sys.argv[1])
digests = [hashlib.sha256(uri.encode()).hexdigest() for uri in table["image_uri"].to_pylist()]
status = pc.if_else(pc.is_valid(table["landmarks"]), "ok", "no_person")
pictures = (
    table.append_column("content_sha256", pa.array(digests))
    .append_column("status", status)
    .append_column("popularity", pa.array([1.0] * table.num_rows))
)
day = datetime.date.today()
model = train_reference(
    pictures, TrainingSettings(), run_date=day, estimator_id="example", attributes=("category",)
)
products = products_batch(pictures, model.assign(pictures), model.attributes)
run = AuditRun(day, "example", model.model_version)
flags = audit_products(products, Expectations.from_bundle(model), AuditSettings(), run).pose_flags
missing = flags.filter(pc.equal(flags["state"], "missing")).sort_by("rank")
for row in missing.select(["product_id", "rank", "ask_name"]).to_pylist():
    print(f"{row['product_id']} lacks {row['ask_name']} (rank {row['rank']})")
print(f"{missing.num_rows} of {flags.num_rows} flags are missing")
