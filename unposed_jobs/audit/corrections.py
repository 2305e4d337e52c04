"""What people correct about a learned vocabulary: classes and asks renamed, merged and hidden.

A model names and groups its classes without labels, so now and then a name is wrong, two asks are
one for the studio, or a class is nothing that anybody would photograph. The shot profile corrects
that, by id, with a reason::

    [[rename]]
    pose = 7                    # or ask = 7
    name = "upper body, from behind"
    reason = "what the studio calls it"

    [[merge]]
    asks = [3, 12]              # the first gives its id, and its name where none is given
    name = "side"               # optional
    reason = "either side will do"

    [[hide]]
    ask = 9                     # or pose = 9
    reason = "props, not poses"

An ask is meant by its own id or by that of any of its classes. The bundle stays as it was learned:
corrections are laid over it at each audit, and one that is taken out is undone by the next.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from unposed_jobs.audit.expectations import MAX_EXAMPLES, Expectations
from unposed_jobs.errors import UnposedError

POSE, ASK = "pose", "ask"
_KEYS = {
    "rename": {POSE, ASK, "name", "reason"},
    "merge": {"asks", "name", "reason"},
    "hide": {POSE, ASK, "reason"},
}
SECTIONS = tuple(_KEYS)


@dataclass(frozen=True)
class Correction:
    """One entry of the profile: `action` is one of `SECTIONS`, `of` is pose or ask.

    `ids` are pose ids or ask ids; only a merge has more than one. `name` is the new one, None where
    a merge keeps that of its first ask.
    """

    action: str
    of: str
    ids: tuple[int, ...]
    name: str | None
    reason: str


def parse(raw: Mapping[str, Any], path: str | Path) -> tuple[Correction, ...]:
    """Read the three sections of a profile.

    Raises UnposedError naming the file for an entry that is incomplete or not understood, an empty
    reason, or an id that two corrections speak of.
    """
    found = []
    for action in SECTIONS:
        entries = raw.get(action, [])
        if not isinstance(entries, list):
            raise UnposedError(f"{path}: write each {action} under its own [[{action}]]")
        found += [_correction(action, entry, path) for entry in entries]
    seen: set[tuple[str, int]] = set()
    for correction in found:
        for one in correction.ids:
            if (correction.of, one) in seen:
                raise UnposedError(
                    f"{path}: {correction.of} {one} stands in two corrections; keep one of them"
                )
            seen.add((correction.of, one))
    return tuple(found)


def check_known(corrections: Iterable[Correction], known: Iterable[int], path: str | Path) -> None:
    """Raise UnposedError for an id that no model ever had: a slip of the pen.

    `known` are the pose ids of all models; an ask's id is that of one of its classes.
    """
    ids = set(known)
    for correction in corrections:
        for one in correction.ids:
            if one not in ids:
                raise UnposedError(
                    f"{path}: [[{correction.action}]] {correction.of} {one}: no model has such an "
                    "id; see pose_id and ask_id in the table vocabulary"
                )


def apply(
    expectations: Expectations, corrections: Sequence[Correction]
) -> tuple[Expectations, list[str]]:
    """Lay corrections over what a model expects; also returns what could not be used, in lines.

    - A renamed class or ask is called so in flags, remedies and lists. An ask of a single class
      that bears the class's name is renamed with it.
    - Merged asks are one: the first's id, all classes, and whatever fills any of them. In each
      cohort the share is the largest one. Products that show either are at least as many and at
      most the sum; the lower bound asks for nothing that a single ask would not have been asked
      for. Score and usual class come from the ask with the largest share.
    - A hidden ask is never flagged. Pictures of a hidden class show and fill nothing and make
      nothing unknown; an ask whose classes are all hidden is hidden. The shares of an ask that
      keeps other classes still count the hidden one's products.

    A retired id, or one of another model, changes nothing and is named in the lines.
    """
    lines: list[str] = []
    # Classes are hidden last: until then each can be found in its ask.
    for correction in sorted(corrections, key=lambda one: (one.action, one.of) == ("hide", POSE)):
        present = [one for one in correction.ids if one in expectations.pose_ids]
        lines += [
            f"[[{correction.action}]] {correction.of} {one} is not in this model: not used"
            for one in correction.ids
            if one not in present
        ]
        if not present:
            continue
        if correction.of == POSE:
            place = int(np.searchsorted(expectations.pose_ids, present[0]))
            if correction.action == "hide":
                expectations = _without(expectations, place)
            else:
                expectations = _renamed(expectations, place, correction.name or "")
            continue
        places = list(dict.fromkeys(_ask_of(expectations, one) for one in present))
        if correction.action == "hide":
            expectations = _unasked(expectations, places[0])
            continue
        if len(places) > 1:
            expectations, first = _merged(expectations, places)
            places = [first]
        if correction.name:
            names = _replaced(expectations.names, places[0], correction.name)
            expectations = dataclasses.replace(expectations, names=names)
    doubled = sorted({name for name in expectations.names if expectations.names.count(name) > 1})
    if corrections and doubled:
        lines.append(f"two asks are called {doubled[0]!r} now")
    return expectations, lines


def vocabulary(
    rows: pa.Table, learned: Expectations, corrections: Sequence[Correction]
) -> pa.Table:
    """The model's rows of the table `vocabulary` as they are corrected.

    `rows` have the columns of a bundle's vocabulary, `learned` the asks before any correction.
    Adds `correction`: what was changed of the class or its ask, and why; null where nothing was.
    """
    corrected, _ = apply(learned, corrections)
    names = dict(zip(learned.pose_ids.tolist(), corrected.pose_names, strict=True))
    hidden = set(learned.pose_ids[corrected.hidden].tolist())
    asks = {
        pose_id: (ask_id, name, bool(asked))
        for ask_id, name, asked, members in zip(
            corrected.ask_ids.tolist(),
            corrected.names,
            corrected.asked,
            corrected.members,
            strict=True,
        )
        for pose_id in members
    }
    done = []
    for row in rows.to_pylist():
        pose_id = row["pose_id"]
        row["correction"] = _reasons(row, learned, corrections) if pose_id in names else None
        if pose_id in names:
            row["name"] = names[pose_id]
        if row.get("ask_id") is not None and pose_id in asks:
            row["ask_id"], row["ask_name"], row["asked"] = asks[pose_id]
        if pose_id in hidden:
            row["asked"] = False
        done.append(row)
    schema = rows.schema.append(pa.field("correction", pa.string()))
    return pa.Table.from_pylist(done, schema=schema)


def _reasons(
    row: Mapping[str, Any], learned: Expectations, corrections: Sequence[Correction]
) -> str | None:
    reasons = []
    own = _ask_of(learned, row["pose_id"])
    for one in corrections:
        present = [id_ for id_ in one.ids if id_ in learned.pose_ids]
        if one.of == POSE:
            if row["pose_id"] not in present:
                continue
            what = "hidden" if one.action == "hide" else f"renamed from {row['name']!r}"
        else:
            places = list(dict.fromkeys(_ask_of(learned, id_) for id_ in present))
            if own not in places:
                continue
            if one.action == "hide":
                what = "ask hidden"
            elif len(places) > 1:
                ids = ", ".join(str(learned.ask_ids[place]) for place in places)
                what = f"asks {ids} merged"
            elif one.name:
                what = f"ask renamed from {learned.names[own]!r}"
            else:
                continue  # Nothing was left to merge.
        reasons.append(f"{what}: {one.reason}")
    return "; ".join(reasons) or None


def _ask_of(expectations: Expectations, one: int) -> int:
    """The place of the ask that has the class."""
    return next(place for place, members in enumerate(expectations.members) if one in members)


def _replaced(values: Sequence[str], place: int, value: str) -> tuple[str, ...]:
    return (*values[:place], value, *values[place + 1 :])


def _renamed(expectations: Expectations, place: int, name: str) -> Expectations:
    old = expectations.pose_names[place]
    names = expectations.names
    ask = _ask_of(expectations, int(expectations.pose_ids[place]))
    if len(expectations.members[ask]) == 1 and names[ask] == old:
        names = _replaced(names, ask, name)
    pose_names = _replaced(expectations.pose_names, place, name)
    return dataclasses.replace(expectations, names=names, pose_names=pose_names)


def _unasked(expectations: Expectations, ask: int) -> Expectations:
    asked, share = expectations.asked.copy(), expectations.share.copy()
    asked[ask], share[:, ask] = False, 0.0
    return dataclasses.replace(expectations, asked=asked, share=share)


def _without(expectations: Expectations, place: int) -> Expectations:
    hidden = expectations.hidden.copy()
    hidden[place] = True
    expectations = dataclasses.replace(expectations, hidden=hidden)
    pose_id = int(expectations.pose_ids[place])
    ask = _ask_of(expectations, pose_id)
    left = tuple(one for one in expectations.members[ask] if one != pose_id)
    if not left:
        return _unasked(expectations, ask)
    usual = expectations.usual.copy()
    column = usual[:, ask]
    # Which of the others is next is not known: the one that most cohorts show, else the oldest.
    others = column[column != place]
    next_one = (
        int(np.bincount(others).argmax())
        if len(others)
        else int(np.searchsorted(expectations.pose_ids, left[0]))
    )
    usual[:, ask] = np.where(column == place, next_one, column)
    members = (*expectations.members[:ask], left, *expectations.members[ask + 1 :])
    return dataclasses.replace(expectations, members=members, usual=usual)


def _merged(expectations: Expectations, places: Sequence[int]) -> tuple[Expectations, int]:
    """Some asks as one, which has the id of the first; also its place among those left."""
    first = places[0]
    rows = np.arange(len(expectations.share))
    share = expectations.share[:, places]
    leading = np.asarray(places)[share.argmax(axis=1)]
    new_share, score = expectations.share.copy(), expectations.score.copy()
    new_share[:, first] = share.max(axis=1)
    best = expectations.score[rows, leading]
    known = [expectations.score[:, place] for place in places]
    score[:, first] = np.where(np.isnan(best), np.fmax.reduce(known), best)
    usual, fills = expectations.usual.copy(), expectations.fills.copy()
    usual[:, first] = expectations.usual[rows, leading]
    fills[:, first] = expectations.fills[:, places].any(axis=1)
    asked = expectations.asked.copy()
    asked[first] = expectations.asked[places].any()
    members = list(expectations.members)
    members[first] = tuple(sorted(one for place in places for one in members[place]))
    keep = [place for place in range(len(members)) if place == first or place not in places]
    examples = []
    for row, cohort in enumerate(expectations.examples):
        order = sorted(places, key=lambda place: -expectations.share[row, place])
        together = dict.fromkeys(uri for place in order for uri in cohort[place])
        own = {first: tuple(together)[:MAX_EXAMPLES]}
        examples.append(tuple(own.get(place, cohort[place]) for place in keep))
    merged = dataclasses.replace(
        expectations,
        ask_ids=expectations.ask_ids[keep],
        names=tuple(expectations.names[place] for place in keep),
        kinds=tuple(expectations.kinds[place] for place in keep),
        members=tuple(members[place] for place in keep),
        asked=asked[keep],
        share=new_share[:, keep],
        score=score[:, keep],
        examples=tuple(examples),
        usual=usual[:, keep],
        fills=fills[:, keep],
    )
    return merged, keep.index(first)


def _correction(action: str, entry: Any, path: str | Path) -> Correction:
    if not isinstance(entry, dict):
        raise UnposedError(f"{path}: write each {action} under its own [[{action}]]")
    unknown = sorted(set(entry) - _KEYS[action])
    if unknown:
        raise UnposedError(f"{path}: unknown key {unknown[0]} in a [[{action}]]")
    ids: list[Any]
    if action == "merge":
        of, ids = ASK, entry.get("asks", [])
        if not isinstance(ids, list) or len(ids) < 2:
            raise UnposedError(f"{path}: a [[merge]] needs asks, a list of two ids or more")
    else:
        kinds = [kind for kind in (POSE, ASK) if kind in entry]
        if len(kinds) != 1:
            raise UnposedError(f"{path}: a [[{action}]] needs either pose or ask, an id")
        of, ids = kinds[0], [entry[kinds[0]]]
    strange = [one for one in ids if not isinstance(one, int) or isinstance(one, bool)]
    if strange:
        raise UnposedError(f"{path}: a [[{action}]] goes by ids, not {strange[0]!r}")
    where = f"{path}: [[{action}]] {of} {ids[0]}"
    named = action == "rename" or "name" in entry
    name = _text(entry.get("name"), "name", where) if named else None
    return Correction(action, of, tuple(ids), name, _text(entry.get("reason"), "reason", where))


def _text(value: Any, what: str, where: str) -> str:
    if not isinstance(value, str) or not value.strip() or "\n" in value:
        raise UnposedError(f"{where} needs a {what}, one line of text")
    return value.strip()
