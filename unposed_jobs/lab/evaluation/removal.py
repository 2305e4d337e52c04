"""Views taken away from complete products, through the audit itself.

`protocols.removed_view` asks of the pictures' labels alone; here Algorithm 2 runs on the pictures
that are left, with the model's own expectations, so that what the audit leaves open (unknown) or
does not ask for is no flag. A label is flagged where any row that asks for it (`asked`, named on
other products) is `missing`: one is false though another row finds the label present.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from unposed_jobs.audit.expectations import Expectations
from unposed_jobs.audit.inference import AuditRun, audit_products
from unposed_jobs.audit.products import products_batch
from unposed_jobs.config import AuditSettings
from unposed_jobs.lab.evaluation import asked, bootstrap
from unposed_jobs.lab.evaluation.naming import Votes
from unposed_jobs.lab.evaluation.protocols import Result
from unposed_jobs.lab.evaluation.stability import JUDGED_DAY
from unposed_jobs.reference.bundle import Bundle

_BETWEEN = "\t"  # Is in no product id that a CSV or a table gives us.


def judge(
    model: Bundle,
    pictures: pa.Table,
    required: Mapping[str, tuple[str, ...]],
    votes: Mapping[str, Votes],
    audit: AuditSettings,
    *,
    seed: int = 0,
) -> Result | None:
    """Recall of the views taken away, and false alarms on the same products untouched.

    `pictures` has the columns of `train_reference` and label ("" where there is none);
    `required`: the labels a product must show to be complete; `votes`: for each product
    the labels of other products' pictures by class. None where no product is complete.
    The baseline flags each asked label with the chance with which the audit flags any of them.
    """
    ids = pictures["product_id"].cast(pa.string()).to_numpy(zero_copy_only=False).astype(str)
    label = pictures["label"].to_numpy(zero_copy_only=False).astype(str)
    complete = {
        product: wanted
        for product, wanted in required.items()
        if len(wanted) > 1 and set(wanted) <= set(label[ids == product])
    }
    if not complete:
        return None
    rows, owners = [], []
    for product, wanted in complete.items():
        own = np.flatnonzero(ids == product)
        for taken in ("", *wanted):
            kept = own if not taken else own[label[own] != taken]
            rows.append(kept)
            owners += [f"{product}{_BETWEEN}{taken}"] * len(kept)
    variants = pictures.take(pa.array(np.concatenate(rows)))
    place = variants.column_names.index("product_id")
    variants = variants.set_column(place, "product_id", pa.array(owners))
    batch = products_batch(variants, model.assign(variants), model.attributes)
    run = AuditRun(JUDGED_DAY, "judged", model.model_version)
    flags = audit_products(batch, Expectations.from_bundle(model), audit, run).pose_flags
    flagged = _flagged(flags, votes)

    def is_flagged(product: str, taken: str, wanted: str) -> bool:
        return (f"{product}{_BETWEEN}{taken}", wanted) in flagged

    wants = np.array([len(wanted) for wanted in complete.values()])
    found = [
        [is_flagged(product, one, one) for one in wanted] for product, wanted in complete.items()
    ]
    alarms = [
        [is_flagged(product, "", one) for one in wanted] for product, wanted in complete.items()
    ]
    recall, false_alarms = (_counts(part) for part in (found, alarms))
    # Each of a product's variants is asked for each of its labels.
    decisions = [
        [is_flagged(product, taken, one) for taken in ("", *wanted) for one in wanted]
        for product, wanted in complete.items()
    ]
    rate = _counts(decisions).sum() / sum(map(len, decisions))
    coin = bootstrap.ratio(wants * rate, wants, seed=seed)
    some = 1 - (1 - rate) ** wants
    return Result(
        "removed_view_audited",
        {
            "recall": bootstrap.ratio(recall, wants, seed=seed),
            "false_alarms": bootstrap.ratio(false_alarms, wants, seed=seed),
            "products_alarmed": bootstrap.mean(false_alarms > 0, seed=seed),
        },
        {
            "coin of the same rate": {
                "recall": coin,
                "false_alarms": coin,
                "products_alarmed": bootstrap.mean(some, seed=seed),
            }
        },
        int(np.isin(ids, list(complete)).sum()),
        len(complete),
        notes=(f"{int(wants.sum())} views taken away, one at a time",),
    )


def _counts(decisions: list[list[bool]]) -> npt.NDArray[np.float64]:
    return np.array([sum(row) for row in decisions], dtype=np.float64)


def _flagged(flags: pa.Table, votes: Mapping[str, Votes]) -> set[tuple[str, str]]:
    """(variant, label) of the labels that any row calls missing."""
    named = asked.names(flags, lambda variant: votes.get(variant.split(_BETWEEN)[0], {}))
    rows = zip(flags["product_id"].to_pylist(), named, flags["state"].to_pylist(), strict=True)
    return {(variant, label) for variant, label, state in rows if label and state == "missing"}
