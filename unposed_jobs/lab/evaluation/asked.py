"""Rows of `pose_flags` as answers about labels.

A flag says that a product lacks something; a person's label says what its pictures show. Between
them stands the name of what is asked: the label that most pictures of its member classes bear, on
products that are not judged.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from unposed_jobs.lab.evaluation.naming import Votes, name_of

Bool = npt.NDArray[np.bool_]
STATES = ("missing", "present")
"""What says something of a label; "unknown", "waived" and "not_applicable" do not."""


def members(flags: pa.Table) -> list[tuple[int, ...]]:
    """The classes that each row asks for: its column `members`, or, of rows from before there was
    one, the class alone.
    """
    poses = flags["pose_id"].to_pylist()
    asks = flags["members"].to_pylist() if "members" in flags.column_names else [None] * len(poses)
    return [
        tuple(sorted(ids)) if ids else (int(pose),) for ids, pose in zip(asks, poses, strict=True)
    ]


def names(flags: pa.Table, votes: Callable[[str], Votes]) -> list[str | None]:
    """The label that each row asks for, None where no picture tells.

    `votes` gives, for a product, the votes of other products' pictures.
    """
    # Few ballots and few asks, many rows. The ballot is kept: its id is then nobody else's.
    known: dict[int, tuple[Votes, dict[tuple[int, ...], str | None]]] = {}
    found = []
    for product, classes in zip(flags["product_id"].to_pylist(), members(flags), strict=True):
        ballot = votes(product)
        _, own = known.setdefault(id(ballot), (ballot, {}))
        if classes not in own:
            own[classes] = name_of(classes, ballot)
        found.append(own[classes])
    return found


def answers(
    flags: pa.Table, named: Sequence[str | None], products: Sequence[str], labels: Sequence[str]
) -> dict[str, Bool]:
    """For each of `STATES` (G, L): does any row of the product say so of the label?

    `flags` has product_id and state, `named` the label that each of its rows asks for. A label
    may be missing and present at once, where two rows ask for it.
    """
    row = {product: index for index, product in enumerate(products)}
    column = {label: index for index, label in enumerate(labels)}
    found = {state: np.zeros((len(products), len(labels)), dtype=bool) for state in STATES}
    said = zip(flags["product_id"].to_pylist(), named, flags["state"].to_pylist(), strict=True)
    for product, label, state in said:
        if state in found and label in column and product in row:
            found[state][row[product], column[str(label)]] = True
    return found
