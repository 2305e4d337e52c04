"""A retailer's shot profile: what a shot is called, where it does not apply, what is waived.

What it corrects about the learned vocabulary itself is in `audit.corrections`.

The file is TOML; `docs/profile.example.toml` is one to begin from. A pose is named by a shell
pattern (``*``, ``?``, ``[...]``) over pose names, without regard to case, or by its pose_id. A
name can change when the poses are learned anew, an id never comes to mean another pose. Of the
shot codes the first that matches wins::

    [shot_codes]
    7 = "BACK-3Q"               # a key of digits alone is a pose_id
    "*back*" = "BACK"
    "full body*front*" = "FRNT"

    [not_applicable]            # category, or category/subcategory -> poses
    "Trousers" = ["upper body*", 12]
    "Clothing/Socks" = ["*"]

    [[waivers]]
    product_id = "B00123"
    pose = "*back*"             # a pattern, or a pose_id
    until = 2026-12-31          # optional: the last day it holds
    by = "M. Rossi"             # optional: who decided so
    reason = "sold without"     # optional; both stand in the tables

Waivers are read at each audit: one that is taken out, or past its last day, waives nothing more.
"""

from __future__ import annotations

import datetime
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from unposed_jobs.audit import corrections
from unposed_jobs.errors import UnposedError

if TYPE_CHECKING:
    from unposed_jobs.audit.expectations import Expectations

_SECTIONS = ("shot_codes", "not_applicable", "waivers", *corrections.SECTIONS)
_WAIVER_KEYS = {"product_id", "pose", "until", "by", "reason"}


@dataclass(frozen=True)
class Waiver:
    """One product need not show one pose, until a day."""

    product_id: str
    pose: str | int
    until: datetime.date | None = None
    by: str | None = None
    reason: str | None = None


@dataclass(frozen=True)
class Profile:
    """A parsed profile; the default one is empty."""

    shot_codes: tuple[tuple[str | int, str], ...] = ()
    not_applicable: tuple[tuple[str, tuple[str | int, ...]], ...] = ()
    waivers: tuple[Waiver, ...] = ()
    corrections: tuple[corrections.Correction, ...] = ()

    @classmethod
    def load(cls, path: str | Path) -> Profile:
        """Read a profile; an empty path gives the empty profile.

        Raises UnposedError naming the file and the entry that is wrong.
        """
        if not str(path):
            return cls()
        try:
            raw = tomllib.loads(Path(path).read_text(encoding="utf-8"))
        except FileNotFoundError:
            raise UnposedError(f"no shot profile {path}; check [audit] profile") from None
        except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
            raise UnposedError(f"cannot read the shot profile {path}: {error}") from None
        unknown = sorted(set(raw) - set(_SECTIONS))
        if unknown:
            raise UnposedError(
                f"{path}: unknown section {unknown[0]}; known: {', '.join(_SECTIONS)}"
            )
        codes = _table(raw, "shot_codes", path)
        for pattern, code in codes.items():
            if not isinstance(code, str) or not code:
                raise UnposedError(f"{path}: [shot_codes] {pattern!r} must be a text, not {code!r}")
        exclusions = _table(raw, "not_applicable", path)
        for cohort, patterns in exclusions.items():
            if not isinstance(patterns, list) or not all(_names_poses(p) for p in patterns):
                raise UnposedError(
                    f"{path}: [not_applicable] {cohort!r} must be a list of pose names or pose_ids"
                )
        waivers = raw.get("waivers", [])
        if not isinstance(waivers, list):
            raise UnposedError(f"{path}: write each waiver under its own [[waivers]]")
        return cls(
            shot_codes=tuple(
                (int(key) if key.isdecimal() else key, code) for key, code in codes.items()
            ),
            not_applicable=tuple((key, tuple(value)) for key, value in exclusions.items()),
            waivers=tuple(_waiver(item, path) for item in waivers),
            corrections=corrections.parse(raw, path),
        )

    def shot_code(self, pose_id: int, pose_name: str) -> str | None:
        """Return the retailer's code for a pose, None where the profile has none."""
        for pose, code in self.shot_codes:
            if _means(pose, pose_id, pose_name):
                return code
        return None

    def excludes(
        self,
        category: str | None,
        subcategory: str | None,
        expectations: Expectations,
    ) -> npt.NDArray[np.bool_]:
        """Which of A asks do not apply to a category: (A,) bool."""
        excluded = np.zeros(len(expectations.ask_ids), dtype=bool)
        cohort = f"{category or ''}/{subcategory or ''}"
        for key, patterns in self.not_applicable:
            if _matches(cohort, key) or _matches(category or "", key):
                for pattern in patterns:
                    excluded |= _meant(pattern, expectations)
        return excluded

    def waived(
        self,
        product_ids: pa.Array,
        expectations: Expectations,
        run_date: datetime.date,
    ) -> npt.NDArray[np.int64]:
        """By which of `waivers` asks are waived for products on a day: (N products, A), -1 for
        none; of several the first in the file.
        """
        waived = np.full((len(product_ids), len(expectations.ask_ids)), -1, dtype=np.int64)
        active = [
            (index, waiver)
            for index, waiver in enumerate(self.waivers)
            if waiver.until is None or run_date <= waiver.until
        ]
        if not active:
            return waived
        products = list(dict.fromkeys(waiver.product_id for _, waiver in active))
        place = {product_id: row for row, product_id in enumerate(products)}
        first = np.full((len(products), waived.shape[1]), -1, dtype=np.int64)
        for index, waiver in reversed(active):
            first[place[waiver.product_id], _meant(waiver.pose, expectations)] = index
        found = pc.index_in(product_ids, value_set=pa.array(products, pa.string()))
        listed = np.flatnonzero(found.is_valid().to_numpy(zero_copy_only=False))
        waived[listed] = first[found.drop_null().to_numpy()]
        return waived

    def meaningless(self, expectations: Expectations) -> list[str]:
        """A line for each waiver whose pose is none that this model asks for."""
        return [
            f"[[waivers]] of {waiver.product_id}: no ask is meant by pose {waiver.pose!r}: not used"
            for waiver in self.waivers
            if not _meant(waiver.pose, expectations).any()
        ]


def _means(pose: str | int, pose_id: int, name: str) -> bool:
    return pose_id == pose if isinstance(pose, int) else _matches(name, pose)


def _meant(pose: str | int, expectations: Expectations) -> npt.NDArray[np.bool_]:
    """(A,) which asks an id or a name pattern means: the ask's own, or that of all its classes."""
    name = dict(zip(expectations.pose_ids.tolist(), expectations.pose_names, strict=True))
    asks = zip(expectations.ask_ids.tolist(), expectations.names, expectations.members, strict=True)
    return np.array(
        [
            _means(pose, ask_id, own)
            or (pose in members if isinstance(pose, int) else _all_match(pose, members, name))
            for ask_id, own, members in asks
        ],
        dtype=bool,
    )


def _all_match(pattern: str, members: Sequence[int], name: Mapping[int, str]) -> bool:
    return all(_matches(name[pose_id], pattern) for pose_id in members)


def _names_poses(value: Any) -> bool:
    return isinstance(value, str | int) and not isinstance(value, bool)


def _matches(name: str, pattern: str) -> bool:
    return fnmatchcase(name.casefold(), pattern.casefold())


def _table(raw: dict[str, Any], name: str, path: str | Path) -> dict[str, Any]:
    table = raw.get(name, {})
    if not isinstance(table, dict):
        raise UnposedError(f"{path}: [{name}] must be a section")
    return table


def _waiver(item: Any, path: str | Path) -> Waiver:
    if not isinstance(item, dict) or not {"product_id", "pose"} <= set(item):
        raise UnposedError(f"{path}: a waiver needs product_id and pose, not {item!r}")
    unknown = sorted(set(item) - _WAIVER_KEYS)
    if unknown:
        raise UnposedError(
            f"{path}: unknown key {unknown[0]} in the waiver of {item['product_id']}"
        )
    pose, until = item["pose"], item.get("until")
    if not _names_poses(pose):
        raise UnposedError(f"{path}: a waiver's pose is a name pattern or a pose_id, not {pose!r}")
    # A TOML date-time is a datetime, which is a date too: only the plain date is meant.
    if until is not None and type(until) is not datetime.date:
        raise UnposedError(f"{path}: a waiver's until must be a date such as 2026-12-31")
    named = {key: item.get(key) for key in ("by", "reason")}
    for key, text in named.items():
        if text is not None and not isinstance(text, str):
            raise UnposedError(f"{path}: a waiver's {key} must be a text, not {text!r}")
    return Waiver(str(item["product_id"]), pose, until, **named)
