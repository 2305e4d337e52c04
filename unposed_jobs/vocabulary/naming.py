"""Readable, unique names for pose classes, from the geometry of their members.

A name has how much of the body is in the frame and the side it is seen from: "upper body,
back". It is read off the medians of the class's ratios (`embedding.features`), of pictures
without a person off the medians of the plain statistics. Where two classes come out alike, the
detail in which they differ most is added, or at last a number.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from unposed_jobs.embedding.features import RATIOS
from unposed_jobs.pose.statistics import COLUMNS, NAMES
from unposed_jobs.pose.statistics import KINDS as JUDGED

Floats = npt.NDArray[np.floating]

# |facing|: straight above the one, side view below the other. A three-quarter view is half a right
# angle, so of the right angle it gets the middle third: 30 to 60 degrees. A body that is turned by
# less, as most that stand at ease are, is seen from the front; `features` reads true degrees.
_FRONT, _SIDE = 2 / 3, 1 / 3
_UNTOLD = 0.02  # widths, facing and profile all below it: the side is unknown
_TURNED = 0.12  # |profile| from which on it is a left or a right side
_CLOSE = 0.8  # scale of a torso higher than the picture: head and shoulders fill it
_SEEN = -0.4  # of a pair, -1 none to 1 both: from the side one leg hides the other
_RAISED = 0.05  # hands at the height of the shoulders
_TEXT, _LINES = 0.05, 0.3  # share of strokes as of letters; of steps in few rows, as of a table
_EVEN, _CONTRAST = 0.7, 0.2  # contrast as even as a fabric's; middle as unlike the border
_PLAIN_EVEN = 0.8  # the same within a plain border, which an even fabric shares with its middle
_WITHIN = 0.87  # of the border is plain ground: legs alone, crossing it twice, leave less
_SAME, _GROUND = 0.12, 0.8  # middle as the border, which is no ground: large prints on cloth
FRAMINGS = ("full body", "full body without head", "upper body", "chest", "legs", "close-up")
SIDE = "side"
WIDTHS = ("shoulder_width", "hip_width")
VIEWS = ("front", "three-quarter front", SIDE, "three-quarter back", "back")
"""What a picture with a person reads as; left or right stands before a side. Where neither
shoulders nor hips are seen there is no view."""
FLAT_LAY, FABRIC, CHART, CROP = KINDS = (
    "flat lay",
    "fabric close-up",
    "size chart or text",
    "cropped body or detail",
)
"""What a picture without a person reads as; a garment hung or folded is a flat lay as well."""
CHART_CODE = "SIZE"
"""The shot code of what nobody photographs: size charts and texts."""
CROP_CODE = "DETL"
"""The shot code of cropped bodies and details without a person."""
_KIND_CODES = ("FLAT", "FABR", CHART_CODE, CROP_CODE)
KIND_STATISTICS = NAMES.index("texture_evenness") + 1
"""A kind of picture can be read off so many statistics, the first of `NAMES`."""
_OUTLINED, _THROUGHOUT = 0.2, 0.03  # of the picture is one thing within an outline; is none
_DETAIL = 0.2  # least difference of two classes that a detail may name


@dataclass(frozen=True)
class PoseName:
    """A class's name and the retailer's usual code for such a shot."""

    name: str
    shot_code: str


@dataclass(frozen=True)
class Shot:
    """One of `FRAMINGS`, and one of `VIEWS` whichever side is shown."""

    framing: str
    view: str


@dataclass(frozen=True)
class _Draft:
    base: str
    code: str
    details: dict[str, tuple[str, float]]
    """Detail by kind: its words and how far it goes; the farther, the better it separates."""


def name_poses(medians: Sequence[Mapping[str, float]]) -> list[PoseName]:
    """Names of K classes with a person, each described by its `ratio_medians`.

    All names differ. Raises KeyError for a missing ratio.
    """
    return _unique([_draft_pose(row) for row in medians])


def name_no_person(medians: Sequence[Mapping[str, float]]) -> list[PoseName]:
    """Names of K classes without a person, described by the medians of `pose.statistics.COLUMNS`.

    An empty description (no statistics were kept) gives "no person".
    """
    return _unique([_draft_no_person(row) for row in medians])


def shots(medians: Sequence[Mapping[str, float]], *, sides: bool = True) -> list[int]:
    """Which centroids show one shot, though k-means separates them: a group for each of C.

    One shot is one framing and one view. Which way a three-quarter view is turned, and how large
    the person stands within the framing, makes no other shot, and a product that has the one is
    not to be flagged for the other. Raised arms do, and whether the knees are in the picture, and,
    if `sides`, which side is shown.
    """
    drafts = [_draft_pose(row) for row in medians]
    if not sides:
        drafts = [
            replace(one, base=re.sub("(left|right) side", "side", one.base)) for one in drafts
        ]
    return _groups(drafts, ("arms", "length"))


def shot(ratios: Mapping[str, float]) -> Shot | None:
    """Framing and view of a class that is described by its `ratio_medians`; None without a view."""
    framing = _framing(ratios)
    view = _view(ratios, framing)
    if not view:
        return None
    return Shot(framing, SIDE if view.endswith(SIDE) else view)


def kinds(medians: Sequence[Mapping[str, float]]) -> list[int]:
    """The same of centroids of pictures without a person: one kind of picture is one group."""
    return _groups([_draft_no_person(row) for row in medians], ())


def _groups(drafts: Sequence[_Draft], telling: Sequence[str]) -> list[int]:
    group: list[int] = []
    for row, draft in enumerate(drafts):
        same = (
            earlier
            for earlier in range(row)
            if drafts[earlier].base == draft.base
            and not any(_differ(drafts[earlier], draft, kind) for kind in telling)
        )
        first = next(same, None)
        group.append(row if first is None else group[first])
    return group


def _differ(one: _Draft, two: _Draft, kind: str) -> bool:
    if kind not in one.details:
        return False
    (words, extent), (other, far) = one.details[kind], two.details[kind]
    return words != other and abs(extent - far) >= _DETAIL


def readings(ratios: Floats) -> npt.NDArray[np.str_]:
    """What each picture of (n, 10) ratios, in the order of `RATIOS`, shows by itself: (n,).

    Framing and view, as a class is named. One picture is read less surely than a class.
    """
    rows = (dict(zip(RATIOS, row, strict=True)) for row in np.asarray(ratios, float).tolist())
    return np.array([_reading(row) for row in rows], dtype=np.str_)


def _reading(ratios: Mapping[str, float]) -> str:
    return _shot(_framing(ratios), ratios)[0]


def _shot(framing: str, ratios: Mapping[str, float]) -> tuple[str, str]:
    """What a framing from this side is called, and the side: "" where it is unknown."""
    view = _view(ratios, framing)
    return (f"{framing}, {view}" if view else framing), view


def kind_readings(statistics: Floats) -> npt.NDArray[np.str_]:
    """The same of pictures without a person: (m, S) in the order of `pose.statistics.COLUMNS`."""
    rows = (dict(zip(COLUMNS, row, strict=False)) for row in np.asarray(statistics, float).tolist())
    return np.array([_draft_no_person(row).base for row in rows], dtype=np.str_)


def ratio_medians(ratios: Floats) -> dict[str, float]:
    """Medians of a class's members: (n, 10) in the order of `RATIOS` -> by name.

    Profile is the exception: a class that holds left and right sides has a median of neither, so
    it counts only where three quarters of the members face the same way. "turned" is the median
    of its size, whichever the way.
    """
    medians = dict(zip(RATIOS, np.median(ratios, axis=0).astype(float).tolist(), strict=True))
    profile = ratios[:, RATIOS.index("profile")]
    low, high = np.quantile(profile, [0.25, 0.75])
    medians["profile"] = float(medians["profile"]) if low * high > 0 else 0.0
    medians["turned"] = float(np.median(np.abs(profile)))
    return medians


def _draft_pose(ratios: Mapping[str, float]) -> _Draft:
    framing = _framing(ratios)
    base, view = _shot(framing, ratios)
    arms = ratios["arms"]
    side = ratios["profile"]
    details = {
        "arms": ("arms raised" if arms > _RAISED else "arms down", arms),
        "length": ("to the knees" if ratios["knees"] > _SEEN else "to the hips", ratios["knees"]),
        "turn": ("turned left" if side < 0 else "turned right", side),
        "distance": ("near" if ratios["scale"] > 0 else "far", ratios["scale"]),
    }
    if framing == "full body":
        del details["length"]
    code = {"close-up": "DETL", "legs": "LEGS", "chest": "CHST"}.get(framing)
    by_view = {"front": "FRNT", "back": "BACK", "three-quarter front": "TQTR"}
    if code is None:
        code = by_view.get(view, "SIDE")
        if framing == "full body" and code == "FRNT":
            code = "FULL"
    return _Draft(base, code, details)


def _framing(ratios: Mapping[str, float]) -> str:
    head, hips, knees, ankles = (ratios[part] for part in ("head", "hips", "knees", "ankles"))
    if head > 0.5:
        if ankles > _SEEN:
            return "full body"
        # Turned shoulders say nothing of the torso's length: their depth is overstated.
        near = ratios["scale"] > _CLOSE and abs(ratios["facing"]) > _FRONT
        return "upper body" if hips > _SEEN or knees > _SEEN or not near else "close-up"
    if head > -0.5:  # Shoulders without a head.
        return "full body without head" if ankles > _SEEN else "chest"
    return "legs" if max(hips, knees, ankles) > _SEEN else "close-up"


def _view(ratios: Mapping[str, float], framing: str) -> str:
    turn = ratios["facing"]
    if abs(turn) > _SIDE:
        view = "front" if turn > 0 else "back"
        # A chest or legs alone do not show a quarter turn.
        plain = abs(turn) >= _FRONT or framing in ("chest", "legs", "close-up")
        return view if plain else f"three-quarter {view}"
    shown = ratios.get("turned", abs(ratios["profile"]))
    # Shoulders that are seen, one before the other, are a side view, however wide a torso is.
    unseen = ratios["head"] <= -0.5
    if unseen and max(shown, *(abs(ratios[name]) for name in ("facing", *WIDTHS))) < _UNTOLD:
        return ""
    if abs(ratios["profile"]) < _TURNED:
        return SIDE
    # Who faces the picture's left shows the left side.
    return "left side" if ratios["profile"] < 0 else "right side"


def _draft_no_person(statistics: Mapping[str, float]) -> _Draft:
    if not statistics:
        return _Draft("no person", "OTHR", {})
    details = {
        "tone": ("light" if statistics["luma_mean"] > 0.5 else "dark", statistics["luma_mean"]),
        "colour": (
            "coloured" if statistics["saturation_mean"] > 0.3 else "muted",
            statistics["saturation_mean"],
        ),
        "extent": (
            "filling the frame" if statistics["foreground_box"] > 0.7 else "small",
            statistics["foreground_box"],
        ),
    }
    kind = _judged(statistics) if JUDGED[0] in statistics else _guessed(statistics)
    return _Draft(kind, _KIND_CODES[KINDS.index(kind)], details)


def _judged(statistics: Mapping[str, float]) -> str:
    return KINDS[max(range(len(KINDS)), key=lambda kind: statistics[JUDGED[kind]])]


def _guessed(statistics: Mapping[str, float]) -> str:
    """By the plain statistics alone."""
    text = statistics["text_transitions"] > _TEXT
    if text and (statistics["white_share"] > 0.4 or statistics["horizontal_lines"] > _LINES):
        return CHART
    even = statistics["texture_evenness"]
    alike = statistics["centre_border_contrast"] < _CONTRAST
    # Older models lack this statistic; then the border alone decides.
    enclosed = statistics.get("enclosed_share")
    outlined = enclosed is not None and enclosed > _OUTLINED
    throughout = (
        statistics["centre_border_contrast"] < _SAME and statistics["border_uniformity"] < _GROUND
    )
    within = statistics["border_uniformity"] > _WITHIN
    if throughout or (alike and even > (_PLAIN_EVEN if within else _EVEN) and not outlined):
        return FABRIC
    if outlined or within:  # It ends within the frame.
        return FLAT_LAY
    if alike and enclosed is not None and enclosed < _THROUGHOUT:  # Broad stripes of cloth.
        return FABRIC
    return CROP


def _unique(drafts: Sequence[_Draft]) -> list[PoseName]:
    names = [draft.base for draft in drafts]
    for group in _alike(names).values():
        for words in _telling(drafts, group):
            longer = [f"{names[row]}, {words[row]}" for row in group]
            if len(set(longer)) > len({names[row] for row in group}):
                for row, name in zip(group, longer, strict=True):
                    names[row] = name
    for group in _alike(names).values():
        for number, row in enumerate(group[1:], start=2):
            names[row] = f"{names[row]} ({number})"
    return [PoseName(name, draft.code) for name, draft in zip(names, drafts, strict=True)]


def _alike(names: Sequence[str]) -> dict[str, list[int]]:
    groups: dict[str, list[int]] = defaultdict(list)
    for row, name in enumerate(names):
        groups[name].append(row)
    return {name: rows for name, rows in groups.items() if len(rows) > 1}


def _telling(drafts: Sequence[_Draft], group: Sequence[int]) -> list[dict[int, str]]:
    """The words for the details in which a group differs, the most distinctive first."""
    telling = []
    for kind in drafts[group[0]].details:
        extent = [drafts[row].details[kind][1] for row in group]
        difference = max(extent) - min(extent)
        if difference >= _DETAIL:
            telling.append((difference, {row: drafts[row].details[kind][0] for row in group}))
    telling.sort(key=lambda item: -item[0])
    return [words for _, words in telling]
