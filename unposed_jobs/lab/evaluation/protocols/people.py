"""Is a person found where there is one, nowhere else, and with the joints in their places?"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from unposed_jobs.lab.evaluation import bootstrap
from unposed_jobs.lab.evaluation.bootstrap import Interval
from unposed_jobs.lab.evaluation.protocols.result import CONSTANT, RANDOM, Result

Bool = npt.NDArray[np.bool_]
Float = npt.NDArray[np.float64]
NEAR = 0.25
"""Of the torso's length: a joint that lands within it is in its place."""


def false_persons(
    truly: npt.ArrayLike,
    said: npt.ArrayLike,
    products: npt.ArrayLike,
    *,
    rate: float | None = None,
    seed: int = 0,
) -> Result:
    """Share of pictures without a person that are said to show one, and of persons found.

    `truly`, `said` and `products` (N,). A figure whose pictures are not there is nan. Baselines:
    a person in every picture, and a coin that says so as often as the judged one does; where these
    pictures are a part of others, `rate` is how often it does in all of them.
    """
    person, found = np.asarray(truly, dtype=bool), np.asarray(said, dtype=bool)
    names, group = np.unique(np.asarray(products, dtype=np.str_), return_inverse=True)

    def figures(guess: Float) -> dict[str, Interval]:
        def share(of: Bool) -> Interval:
            count = np.bincount(group, of, len(names))
            return bootstrap.ratio(np.bincount(group, guess * of, len(names)), count, seed=seed)

        return {"false_persons": share(~person), "persons_found": share(person)}

    return Result(
        "false_persons",
        figures(found.astype(np.float64)),
        {
            "a person in every picture": figures(np.ones(len(found))),
            # The coin's expectation, so no draw of it is needed.
            "coin of the same rate": figures(
                np.full(len(found), found.mean() if rate is None else rate)
            ),
        },
        len(person),
        len(names),
    )


def joint_places(
    found: npt.ArrayLike,
    truth: npt.ArrayLike,
    asked: npt.ArrayLike,
    products: npt.ArrayLike,
    *,
    torso: npt.ArrayLike,
    guess: npt.ArrayLike,
    across: tuple[int, int] | None = None,
    seed: int = 0,
) -> Result:
    """Share of pictures in which a person is found, and with all the asked joints in place.

    `found`, `truth` and `guess` (N, J, 2) in one unit, `found` nan where nobody was found; `asked`
    (N, J) the joints that are in the frame; `torso` (N,) its length in that unit. A picture is
    `placed` if each asked joint lies within `NEAR` torsos of the truth. `guess` is the baseline,
    which has not seen the picture: the mean place of each joint in other products' pictures.
    `across` are two joints, a left and a right one: `sided` is then the share of pictures with
    these in the true order, of those where they are `NEAR` torsos apart or more from left to right.
    """
    true = np.asarray(truth, dtype=np.float64)
    wanted = np.asarray(asked, dtype=bool)
    length = np.asarray(torso, dtype=np.float64)
    names, group = np.unique(np.asarray(products, dtype=np.str_), return_inverse=True)

    def figures(places: Float) -> dict[str, Interval]:
        there: Bool = np.asarray(np.isfinite(places).all(axis=(1, 2)))
        distance = np.linalg.norm(np.nan_to_num(places) - true, axis=-1)
        right: Bool = there & ((distance <= NEAR * length[:, None]) | ~wanted).all(axis=1)

        def share(of: Bool, among: Bool) -> Interval:
            count = np.bincount(group, among, len(names))
            return bootstrap.ratio(np.bincount(group, of & among, len(names)), count, seed=seed)

        everything = np.ones(len(true), dtype=bool)
        shares = {"found": share(there, everything), "placed": share(right, everything)}
        if across is not None:
            own, apart = (item[:, across[0], 0] - item[:, across[1], 0] for item in (places, true))
            wide: Bool = np.abs(apart) >= NEAR * length
            shares["sided"] = share(there & (own * apart > 0), wide)
        return shares

    return Result(
        "joint_places",
        figures(np.asarray(found, dtype=np.float64)),
        {"mean place in other products": figures(np.asarray(guess, dtype=np.float64))},
        len(true),
        len(names),
    )


def named_right(
    truth: npt.ArrayLike,
    said: npt.ArrayLike,
    products: npt.ArrayLike,
    *,
    labels: Sequence[str],
    constant: str,
    seed: int = 0,
) -> Result:
    """Share of pictures that are called what they are; all (N,).

    Baselines: one of `labels` drawn for each picture, by its expectation, and `constant` for all.
    """
    true, own = np.asarray(truth, dtype=np.str_), np.asarray(said, dtype=np.str_)
    names, group = np.unique(np.asarray(products, dtype=np.str_), return_inverse=True)
    count = np.bincount(group, minlength=len(names))

    def figures(right: npt.NDArray[np.float64]) -> dict[str, Interval]:
        hits = np.bincount(group, right, len(names))
        return {"named_right": bootstrap.ratio(hits, count, seed=seed)}

    return Result(
        "named_right",
        figures((own == true).astype(np.float64)),
        {
            RANDOM: figures(np.isin(true, labels) / len(labels)),
            CONSTANT: figures((true == constant).astype(np.float64)),
        },
        len(true),
        len(names),
    )
