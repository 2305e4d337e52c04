"""What is asked of a product: groups of classes that stand for one another.

A class holds similar pictures; an *ask* is what a cohort wants shown. Algorithm 2 of the paper
(section 4.6) flags every centroid that no picture shows, so that a product photographed from its
left side is flagged for the right one, and a front view for the same front view a step nearer.
Asks stand between the learned classes and the flags. No label is used; what decides is

- **re-taking and mirroring**: classes that the same picture moves between when its landmarks vary
  a little, when it is mirrored, or when the classes are learned again, and classes that lie next to
  one another in framing or view, *may* be one ask (`Evidence.near`);
- **substitution**: they *are* one where products use the one in place of the other - show one or
  the other, and both more rarely than chance has it - and two where most products show both.

Chance is that of products of the same cohort with as many pictures: a product of two pictures
shows few pairs of anything.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from unposed_jobs.vocabulary.naming import SIDE, VIEWS, Shot

Floats = npt.NDArray[np.floating]
Bool = npt.NDArray[np.bool_]

MOST = 0.5
"""Two asks where more than this share of the products that show the rarer one show both, of all
products or, beyond chance, of one cohort's."""
BEYOND_CHANCE = 0.1
"""A cohort's products surely show both where the probability that at most `MOST` of them do is
below this. Of five that show the rarer one, four that show both are enough; of four, three are
not."""
SURELY = 0.8
"""A class stands in for a neighbouring ask where fewer than this share of the products that show
the class show the ask as well: a fifth of the popular ones do without."""
CONFUSED = 0.1
"""Classes are near where this share of the one's pictures comes out as the other when re-taken."""
RARE = 1 / 3
"""A class that in no cohort more than this share of the products show is not asked for by itself:
it joins the same view of a neighbouring framing, unless the smaller one is a detail."""
SMALL_COHORT = 5
"""Cohorts of fewer reference products do not show by themselves whether a class is rare."""
HELD = 1.25
"""What was one ask in the champion stays one, and what was two stays two, while the evidence is
within this factor of either limit: asks are not to change by chance."""
AGREEMENT = 0.5
"""Least share of an ask's pictures that stay in it when all is done again, for it to be asked."""
LEAST_PRODUCTS = 3
"""Nor is asked what fewer reference products than this show."""
SHRINKAGE = 2.0
"""Products' worth of the whole reference's share in each cohort's share."""
HABIT = (0.5, 10.0)
"""The same, of whether a cohort's products show two poses together: the more, the less cohorts
differ in it. Ten products that all do so by chance are no habit of their cohort."""

THREE_QUARTER = tuple(view for view in VIEWS if view.startswith("three-quarter"))
_CONTAINS = {
    "full body": ("upper body", "full body without head"),
    "full body without head": ("chest", "legs"),
    "upper body": ("chest", "close-up"),
    "chest": ("close-up",),
}
"""Framing: the next smaller ones that it contains."""
_DETAILS = {"chest", "close-up"}
"""Framings that are one: which of them a picture below the mouth reads as, chance decides."""


@dataclass(frozen=True)
class Evidence:
    """What the reference products show of K classes.

    `shows` (N, K) bool, which of N reference products show which class; `cohort` (N,) of str, the
    products' finest cohort; `shots` (K,) framing and view, None for a picture without a person;
    `crops` (K,) which of those are of cropped bodies or details;
    `confused` (K, K), the share of the pictures of the row's class that come out as the column's
    when re-taken, or mirrored, whichever is larger; `before` (K,) the champion's ask of each class,
    -1 where it had none.
    """

    shows: Bool
    cohort: npt.NDArray[np.str_]
    shots: Sequence[Shot | None]
    crops: Bool
    confused: Floats
    before: npt.NDArray[np.int64]

    def near(self, one: int, other: int) -> str | None:
        """How two classes are neighbours: by "view", by "framing", by "confusion"; None if not."""
        first, second = self.shots[one], self.shots[other]
        if first is None or second is None:
            return "view" if self._perhaps_one_crop(one, other) else None
        framings = {first.framing, second.framing}
        if "legs" in framings and framings & _DETAILS:
            return None  # No part of the body is in both, whatever re-taking makes of them.
        step = abs(VIEWS.index(first.view) - VIEWS.index(second.view))
        details = framings <= _DETAILS
        if (first.framing == second.framing or details) and step <= 1:
            return "view"
        # What a chest or a close-up is taken for no larger framing shows.
        larger = contains(first, second) or contains(second, first)
        if step == 0 and larger and not framings & _DETAILS:
            return "framing"
        confused = max(self.confused[one, other], self.confused[other, one])
        return "confusion" if confused >= CONFUSED and step <= 1 else None

    def _perhaps_one_crop(self, one: int, other: int) -> bool:
        """A close crop in which nobody was recognised, and one in which somebody was."""
        crop, shot = (one, self.shots[other]) if self.crops[one] else (other, self.shots[one])
        return bool(self.crops[crop]) and shot is not None and shot.framing in _DETAILS


def contains(larger: Shot, smaller: Shot) -> bool:
    """Whether a framing holds the other one, a step smaller."""
    return smaller.framing in _CONTAINS.get(larger.framing, ())


def learn(evidence: Evidence) -> list[tuple[int, ...]]:
    """Group K classes into asks: positions of the classes, ascending, groups by their first.

    The two groups with the clearest substitution become one ask, again and again, until no two are
    left that stand for one another. Front, side and back never meet in one.
    """
    groups: list[tuple[int, ...]] = [(index,) for index in range(evidence.shows.shape[1])]
    chance = _by_chance(evidence.shows, evidence.cohort)
    while True:
        pairs = [
            (lift, one, other)
            for row, one in enumerate(groups)
            for other in groups[:row]
            if (lift := _substitution(evidence, chance, one, other)) is not None
        ]
        if not pairs:
            return sorted(groups)
        _, one, other = min(pairs)
        groups = [group for group in groups if group not in (one, other)]
        groups.append(tuple(sorted((*one, *other))))


def _substitution(
    evidence: Evidence, chance: Floats, one: tuple[int, ...], other: tuple[int, ...]
) -> float | None:
    """Products that show both groups, over those expected; None where the two are two asks."""
    near = {evidence.near(a, b) for a in one for b in other} - {None}
    if not near or _apart(evidence.shots, (*one, *other)):
        return None
    first, second = (_shown(evidence, group) for group in (one, other))
    details = [_all_details(evidence, group) for group in (one, other)]
    if details[0] != details[1] and _rare(evidence, first if details[0] else second):
        return None  # A few chests prove nothing about what a larger framing shows.
    both = np.count_nonzero(first & second)
    rarer = min(np.count_nonzero(first), np.count_nonzero(second))
    if not rarer or _wants_both(evidence.cohort, first, second):
        return None
    either = [1 - np.prod(1 - chance[:, list(group)], axis=1) for group in (one, other)]
    # Half a product more of either outcome: none of two is no proof.
    lift = (both + 0.5) / (float((either[0] * either[1]).sum()) + 0.5)
    rate = (both + 0.5) / (rarer + 1)
    known = [{int(evidence.before[a]) for a in group} - {-1} for group in (one, other)]
    slack = 1.0
    if known[0] and known[1]:
        slack = HELD if known[0] & known[1] else 1 / HELD
    if near == {"framing"} and not any(_rare(evidence, shown) for shown in (first, second)):
        return None
    return lift if rate < MOST * slack and lift < slack else None


def _wants_both(cohort: npt.NDArray[np.str_], first: Bool, second: Bool) -> bool:
    """Whether one cohort's products surely show both, though others show the one or the other.

    Trousers that show the left side and jackets that show the right one say nothing of dresses.
    The interval is Jeffreys's (Brown, Cai and DasGupta 2001).
    """
    from scipy.stats import beta  # Training only: slow to import.

    _, index = np.unique(cohort, return_inverse=True)
    shown = [np.bincount(index, one) for one in (first, second, first & second)]
    rarer, both = np.minimum(shown[0], shown[1]), shown[2]
    unlikely = beta.cdf(MOST, both + 0.5, rarer - both + 0.5) < BEYOND_CHANCE
    return bool((unlikely & (np.bincount(index) >= SMALL_COHORT)).any())


def _all_details(evidence: Evidence, group: Sequence[int]) -> bool:
    shots = [evidence.shots[row] for row in group]
    return all(shot is None or shot.framing in _DETAILS for shot in shots)


def _shown(evidence: Evidence, group: Sequence[int]) -> Bool:
    return np.asarray(evidence.shows[:, list(group)].any(axis=1))


def _rare(evidence: Evidence, shown: Bool) -> bool:
    names, index, counts = np.unique(evidence.cohort, return_inverse=True, return_counts=True)
    share = np.bincount(index, shown, len(names)) / counts
    large = counts >= SMALL_COHORT
    return bool(max(share[large].max(initial=0.0), shown.mean()) <= RARE)


def _apart(shots: Sequence[Shot | None], group: Sequence[int]) -> bool:
    """Whether a group holds two of front, side and back, or three-quarter views of both."""
    views = {shot.view for row in group if (shot := shots[row]) is not None}
    return len(views - set(THREE_QUARTER)) > 1 or views >= set(THREE_QUARTER)


def _by_chance(shows: Bool, cohort: npt.NDArray[np.str_]) -> Floats:
    """(N, K) chance that a product shows a class, were classes shown independently.

    Logit = the class in the cohort + the product; the product's part makes it expected to show as
    many classes as it does (a Rasch model, cohorts shrunk towards the whole reference).
    """
    count, classes = shows.shape
    if not count or not classes:
        return np.zeros(shows.shape)
    share = shrunk(shows, cohort).clip(0.01, 0.97)
    logit = np.log(share / (1 - share))
    product: Floats = np.zeros(count)
    column: Floats = np.zeros(classes)
    for _ in range(60):
        chance = 1 / (1 + np.exp(-(logit + product[:, None] + column)))
        product = _nearer(product, shows, chance, axis=1)
        chance = 1 / (1 + np.exp(-(logit + product[:, None] + column)))
        column = _nearer(column, shows, chance, axis=0)
    return 1 / (1 + np.exp(-(logit + product[:, None] + column)))


def _nearer(part: Floats, shows: Bool, chance: Floats, *, axis: int) -> Floats:
    """Half a step of Newton's towards as many shown as there are; bounded, as all may be shown."""
    slope = np.maximum((chance * (1 - chance)).sum(axis), 0.2)
    step = np.clip((shows.sum(axis) - chance.sum(axis)) / slope, -1, 1)
    return np.clip(part + step / 2, -5, 5)


def shrunk(shows: Bool, cohort: npt.NDArray[np.str_]) -> Floats:
    """(N, K) share of each product's cohort that shows a class, drawn towards the whole's."""
    _, index, counts = np.unique(cohort, return_inverse=True, return_counts=True)
    total = np.zeros((len(counts), shows.shape[1]))
    np.add.at(total, index, shows)
    share = (total + SHRINKAGE * shows.mean(0)) / (counts + SHRINKAGE)[:, None]
    return share[index]


def stand_ins(evidence: Evidence, groups: Sequence[tuple[int, ...]], rows: Bool) -> Bool:
    """Which classes satisfy which ask in the cohort of the reference products `rows` (N,).

    Returns (A, K) bool: the ask's own classes, and each neighbouring class that products of the
    cohort show in its place: of those that show the class, fewer than `SURELY` show the ask as
    well. A three-quarter view thus stands for the front or the back next to it, and a full body for
    an upper body from the same side. Two things stand only where fewer than `MOST` show both:
    another class of the same shot, such as the other side; and, for a side, a three-quarter view,
    which shows little of it.
    """
    shows = evidence.shows
    satisfied = np.zeros((len(groups), shows.shape[1]), dtype=bool)
    for place, group in enumerate(groups):
        satisfied[place, list(group)] = True
        asked = _shown(evidence, group)
        for index in range(shows.shape[1]):
            same = any(_same_shot(evidence, index, own) for own in group)
            near = same or any(_may_stand_in(evidence, index, own) for own in group)
            if index in group or not near:
                continue
            # Where few products of the cohort show the class, what all products do counts.
            habit, weight = _habit(evidence.cohort, shows[:, index], asked)
            shown = shows[:, index] & rows
            both = np.count_nonzero(shown & asked) + weight * habit
            limit = MOST if same or _little_shown(evidence, index, group) else SURELY
            satisfied[place, index] = both / (np.count_nonzero(shown) + weight) < limit
    return satisfied


def lent(evidence: Evidence, group: Sequence[int], filled: Bool, rows: Bool) -> bool:
    """Whether what fills an ask in a cohort is mostly that of other asks: more than half of its
    products that fill the ask show no class of its own.

    It is those asks that the cohort wants; this one would be flagged beside them. `filled` (K,) are
    the classes that satisfy the ask there, `rows` (N,) the cohort's reference products.
    """
    shows = evidence.shows[rows]
    filling = np.count_nonzero(shows[:, filled].any(axis=1))
    return bool(2 * np.count_nonzero(shows[:, list(group)].any(axis=1)) < filling)


def _habit(cohort: npt.NDArray[np.str_], shown: Bool, asked: Bool) -> tuple[float, float]:
    """Of the products that show a class, the share that show the ask as well, and how many
    products of a cohort that share is worth: the prior of a beta-binomial by its moments
    (Kleinman 1973), within `HABIT`.
    """
    _, index = np.unique(cohort[shown], return_inverse=True)
    count = np.bincount(index).astype(np.float64)
    total = count.sum()
    share = (np.count_nonzero(shown & asked) + 0.5) / (total + 1)
    spread = share * (1 - share)
    room = total - (count**2).sum() / max(total, 1) - (len(count) - 1)
    if room <= 0:
        return share, HABIT[0]
    own = np.bincount(index, asked[shown]) / count
    within = spread * (len(count) - 1)
    alike = ((count * (own - share) ** 2).sum() - within) / (spread * room)
    return share, float(np.clip(1 / max(alike, 1e-6) - 1, *HABIT))


def _little_shown(evidence: Evidence, index: int, group: Sequence[int]) -> bool:
    """Whether a three-quarter view is to stand for sides, of which it shows little."""
    wanted = {shot.view for row in group if (shot := evidence.shots[row]) is not None}
    shot = evidence.shots[index]
    return wanted == {SIDE} and shot is not None and shot.view != SIDE


def _same_shot(evidence: Evidence, one: int, other: int) -> bool:
    shot = evidence.shots[one]
    return shot is not None and shot == evidence.shots[other]


def _may_stand_in(evidence: Evidence, index: int, own: int) -> bool:
    shot, wanted = evidence.shots[index], evidence.shots[own]
    if shot is None or wanted is None:
        return False
    step = abs(VIEWS.index(shot.view) - VIEWS.index(wanted.view))
    between = step == 1 and shot.view in THREE_QUARTER
    # A chest or a close-up is there for its detail, which no larger framing shows.
    larger = (shot.framing, wanted.framing) == ("full body", "upper body")
    framed = shot.framing == wanted.framing or larger
    return framed and (between or (step == 0 and larger))


def agreement(groups: Sequence[tuple[int, ...]], retaken: Floats, sizes: Floats) -> Floats:
    """(A,) share of each ask's pictures that stay in it when re-taken.

    `retaken` (K, K) as `Evidence.confused` but without mirroring, `sizes` (K,) pictures; NaN where
    nothing was tried.
    """
    found = np.full(len(groups), np.nan)
    for place, group in enumerate(groups):
        rows = list(group)
        stays = retaken[rows][:, rows].sum(axis=1)
        weight = np.where(np.isfinite(stays), sizes[rows], 0.0)
        if weight.sum():
            found[place] = np.nansum(stays * weight) / weight.sum()
    return found
