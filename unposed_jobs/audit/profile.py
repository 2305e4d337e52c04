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

    [[shows]]                   # a picture that a person looked at
    product_id = "B00123"
    image = "pics/B00123-2.jpg" # as the catalogue has it
    pose = 7                    # the ask that it shows, by its id or that of a class of it
    content = "9f86d0…"         # optional, sha256: another picture at the address is not meant
    by = "M. Rossi"             # optional, as is reason

Waivers are read at each audit: one that is taken out, or past its last day, waives nothing more.
"""

from __future__ import annotations

import datetime
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from unposed_jobs.audit import confirmed, corrections
from unposed_jobs.audit.confirmed import Confirmation
from unposed_jobs.errors import UnposedError

if TYPE_CHECKING:
    from unposed_jobs.audit.expectations import Expectations

_SECTIONS = ("shot_codes", "not_applicable", "waivers", "shows", *corrections.SECTIONS)
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
    shows: tuple[Confirmation, ...] = ()
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
        return cls.parse(raw, path)

    @classmethod
    def parse(cls, raw: Mapping[str, Any], path: str | Path) -> Profile:
        """The profile of sections as TOML has them; `path` is what errors call their source.

        Raises UnposedError naming the source and the entry that is wrong.
        """
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
            shows=confirmed.parse(raw.get("shows", []), path),
            corrections=corrections.parse(raw, path),
        )

    def under(self, later: Profile) -> tuple[Profile, list[str]]:
        """This profile with a later one laid over it; also which corrections that overrules.

        Where both speak of the same thing the later one counts: of a product's waivers of an ask,
        of a picture, and of a pose or ask that is corrected. Exclusions are those of both.
        """
        said = {(one.of, number) for one in later.corrections for number in one.ids}
        kept, lines = [], []
        for one in self.corrections:
            clash = next((number for number in one.ids if (one.of, number) in said), None)
            if clash is None:
                kept.append(one)
            else:
                lines.append(
                    f"[[{one.action}]] {one.of} {clash}: a later decision counts, not the profile"
                )
        merged = Profile(
            shot_codes=later.shot_codes + self.shot_codes,
            not_applicable=later.not_applicable + self.not_applicable,
            waivers=later.waivers + self.waivers,
            shows=later.shows + self.shows,
            corrections=later.corrections + tuple(kept),
        )
        return merged, lines

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
        if not self.waivers:
            return waived
        listed = pc.is_in(product_ids, value_set=self._waived_products).to_numpy(
            zero_copy_only=False
        )
        meant: dict[str | int, npt.NDArray[np.bool_]] = {}
        for row in np.flatnonzero(listed):
            for index in reversed(self._waivers_of[product_ids[row].as_py()]):
                waiver = self.waivers[index]
                if waiver.until is not None and run_date > waiver.until:
                    continue
                if waiver.pose not in meant:
                    meant[waiver.pose] = _meant(waiver.pose, expectations)
                waived[row, meant[waiver.pose]] = index
        return waived

    @cached_property
    def _waivers_of(self) -> dict[str, list[int]]:
        found: dict[str, list[int]] = {}
        for index, waiver in enumerate(self.waivers):
            found.setdefault(waiver.product_id, []).append(index)
        return found

    @cached_property
    def _waived_products(self) -> pa.Array:
        return pa.array(list(self._waivers_of), pa.string())

    def meaningless(self, expectations: Expectations) -> list[str]:
        """A line for each waiver and shown picture whose pose is none that this model asks for."""
        spoken = [("waivers", one.product_id, one.pose) for one in self.waivers]
        spoken += [("shows", one.product_id, one.pose) for one in self.shows]
        vain = {
            pose for pose in {pose for _, _, pose in spoken} if not _meant(pose, expectations).any()
        }
        return [
            f"[[{section}]] of {product_id}: no ask is meant by pose {pose!r}: not used"
            for section, product_id, pose in spoken
            if pose in vain
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


def _table(raw: Mapping[str, Any], name: str, path: str | Path) -> dict[str, Any]:
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
