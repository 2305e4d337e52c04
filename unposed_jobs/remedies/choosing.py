"""The remedy of each missing ask: a crop where one shows it, else a frame, else a new picture.

It is photographed, or made where nobody photographs such a thing.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from unposed_jobs.remedies.candidates import KINDS, MAKE, OFFERED, SHOOT, Candidates


@dataclass(frozen=True)
class Remedies:
    """Of n products and A asks."""

    candidates: Candidates
    chosen: npt.NDArray[np.int64]
    """(n, A) row of `candidates`; -1 where nothing that is there shows the ask."""
    made: npt.NDArray[np.bool_]
    """(n, A) whether nobody photographs what the ask shows."""

    def columns(self, missing: npt.NDArray[np.bool_]) -> dict[str, pa.Array]:
        """The remedy columns of pose_flags, products in order, asks ascending; null where nothing
        is `missing` (n, A).
        """
        gap, chosen = missing.reshape(-1), self.chosen.reshape(-1)
        there = gap & (chosen >= 0)
        at = pa.array(np.where(there, chosen, 0), pa.int64(), mask=~there)
        known = self.candidates
        return {
            "remedy": pa.array(KINDS, pa.string()).take(
                pa.array(np.where(gap, self.kind(), 0), pa.int64(), mask=~gap)
            ),
            "remedy_uri": known.uris.take(at),
            "remedy_box": known.boxes.take(at),
            "remedy_seconds": known.seconds.take(at),
            "remedy_certainty": pa.array(known.certainty).take(at),
        }

    def kind(self) -> npt.NDArray[np.int64]:
        """(n * A,) place in `KINDS`."""
        new = np.where(self.made.reshape(-1), KINDS.index(MAKE), KINDS.index(SHOOT))
        chosen = self.chosen.reshape(-1)
        # The last entry, which row -1 finds, stands for any of those.
        return np.where(chosen >= 0, np.append(self.candidates.kind, 0)[chosen], new)


def choose(
    candidates: Candidates,
    fills: npt.NDArray[np.bool_],
    pose_ids: npt.NDArray[np.int32],
    least: float,
    made: npt.NDArray[np.bool_],
) -> Remedies:
    """For each product and ask the candidate that shows it, of the first of `OFFERED` that has
    any.

    A candidate shows an ask where its class fills the ask in the product's cohort, `fills`
    (n, A, P), with a certainty of at least `least`; `pose_ids` (P,) ascending. Of one kind the
    most certain counts, the first of equals. Classes that the vocabulary does not have show
    nothing. `made` (n, A) tells what nobody photographs.
    """
    products, asks, _ = fills.shape
    chosen = np.full((products, asks), -1, dtype=np.int64)
    column = np.searchsorted(pose_ids, candidates.pose_ids).clip(max=max(len(pose_ids) - 1, 0))
    known = pose_ids[column] == candidates.pose_ids if len(pose_ids) else np.zeros(0, bool)
    sure = known & (candidates.certainty >= least)
    # From the least to the most wanted: what is written last stands.
    for kind in (KINDS.index(name) for name in reversed(OFFERED)):
        rows = np.flatnonzero(sure & (candidates.kind == kind))
        rows = rows[np.lexsort((-rows, candidates.certainty[rows]))]
        row, ask = np.nonzero(fills[candidates.product[rows], :, column[rows]])
        chosen[candidates.product[rows[row]], ask] = rows[row]
    return Remedies(candidates, chosen, made)
