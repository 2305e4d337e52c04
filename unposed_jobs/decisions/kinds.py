"""What can be decided, about what, and what each decision needs.

=================  ====================================================  =========================
kind               about                                                 needs
=================  ====================================================  =========================
rename             a pose, or an ask                                     name
merge              two asks or more; the first gives its id              name is optional
hide               a pose, or an ask
waive              an ask of a product                                   until is optional
not_applicable     an ask in a category, or category and subcategory
shows              a picture of a product, and the ask that it shows
assign             an ask of a product                                   assignee or due, a day
done               an ask of a product
=================  ====================================================  =========================

The first six are what a shot profile says too (`audit.profile`): the next audit reads them. The
last two are about work and decide no row.
"""

from __future__ import annotations

import dataclasses
import datetime
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from unposed_jobs.errors import UnposedError

RENAME, MERGE, HIDE = "rename", "merge", "hide"
WAIVE, NOT_APPLICABLE, SHOWS = "waive", "not_applicable", "shows"
ASSIGN, DONE = "assign", "done"
CORRECTIONS = (RENAME, MERGE, HIDE)
PROFILE_KINDS = (*CORRECTIONS, WAIVE, NOT_APPLICABLE, SHOWS)
"""The kinds that the next audit reads."""
KINDS = (*PROFILE_KINDS, ASSIGN, DONE)
LONGEST = 500
"""Characters of a name, reason or person."""
LONGEST_ADDRESS = 4096

_OF_PRODUCT = (WAIVE, SHOWS, ASSIGN, DONE)
_MAX_ID = 2**31 - 1


@dataclass(frozen=True)
class Decision:
    """One thing that a person decides; what does not belong to its kind is None or empty.

    `ask_id` is the id of an ask or of any of its classes; `ask_ids` are those of a merge.
    Raises UnposedError for one that is incomplete or not understood.
    """

    kind: str
    pose_id: int | None = None
    ask_id: int | None = None
    ask_ids: tuple[int, ...] = ()
    product_id: str | None = None
    category: str | None = None
    subcategory: str | None = None
    image_uri: str | None = None
    content_sha256: str | None = None
    """Of the picture when it was looked at: another picture at the same address is not meant."""
    name: str | None = None
    until: datetime.date | None = None
    """The last day that a waiver holds; None: for good."""
    assignee: str | None = None
    due: datetime.date | None = None
    """The studio day."""
    reason: str | None = None

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise UnposedError(f"no decision is called {self.kind}; known: {', '.join(KINDS)}")
        for name in ("name", "assignee", "reason", "category", "subcategory", "product_id"):
            self._clean(name, LONGEST)
        self._clean("image_uri", LONGEST_ADDRESS)
        for one in (self.pose_id, self.ask_id, *self.ask_ids):
            if one is not None and not 0 <= one <= _MAX_ID:
                raise UnposedError(f"{self.kind}: no pose or ask has the id {one}")
        if problem := self._lacks():
            raise UnposedError(f"{self.kind} needs {problem}")

    def _clean(self, field: str, longest: int) -> None:
        value = getattr(self, field)
        if value is None:
            return
        kept = "".join(one for one in value if unicodedata.category(one) not in ("Cc", "Cs"))
        if kept != value and field in ("product_id", "category", "subcategory", "image_uri"):
            raise UnposedError(f"{self.kind}: {field} has control characters")
        kept = kept.strip() if field in ("name", "assignee", "reason") else kept
        if len(kept) > longest:
            raise UnposedError(f"{self.kind}: {field} is longer than {longest} characters")
        object.__setattr__(self, field, kept or None)

    def _lacks(self) -> str | None:
        either = (self.pose_id is None) != (self.ask_id is None)
        of_product = self.kind in _OF_PRODUCT
        needs = (
            (self.kind in (RENAME, HIDE) and not either, "either a pose or an ask"),
            (self.kind == RENAME and not self.name, "a name"),
            (self.kind == MERGE and len(set(self.ask_ids)) < 2, "two asks or more"),
            (of_product and not self.product_id, "a product"),
            ((of_product or self.kind == NOT_APPLICABLE) and self.ask_id is None, "an ask"),
            (self.kind == NOT_APPLICABLE and not self.category, "a category"),
            (self.kind == SHOWS and not self.image_uri, "a picture"),
            (self.kind == ASSIGN and not (self.assignee or self.due), "a person or a day"),
        )
        return next((what for lacks, what in needs if lacks), None)

    @property
    def subjects(self) -> tuple[str, ...]:
        """What it is about, as keys: of two decisions with a key in common only one stands."""
        if self.kind in CORRECTIONS:
            if self.pose_id is not None:
                return (f"correct pose {self.pose_id}",)
            asks = self.ask_ids if self.kind == MERGE else (self.ask_id,)
            return tuple(f"correct ask {one}" for one in dict.fromkeys(asks))
        if self.kind == NOT_APPLICABLE:
            return (f"not applicable {self.ask_id} {self.category}\x1f{self.subcategory or ''}",)
        if self.kind == SHOWS:
            return (f"shows {self.ask_id} {self.product_id}\x1f{self.image_uri}",)
        return (f"{self.kind} {self.ask_id} {self.product_id}",)

    def summary(self) -> str:
        """One line for the log, in words."""
        ask = f"ask {self.ask_id}"
        what = f"pose {self.pose_id}" if self.pose_id is not None else ask
        until = f" until {self.until}" if self.until else ""
        place = " / ".join(part for part in (self.category, self.subcategory) if part)
        whom = " ".join(
            part
            for part in (
                f"to {self.assignee}" if self.assignee else "",
                f"for {self.due}" if self.due else "",
            )
            if part
        )
        named = f" as {self.name!r}" if self.name else ""
        return {
            RENAME: f"rename {what} to {self.name!r}",
            MERGE: f"merge asks {', '.join(map(str, self.ask_ids))}{named}",
            HIDE: f"hide {what}",
            WAIVE: f"waive {ask} of {self.product_id}{until}",
            NOT_APPLICABLE: f"{ask} does not apply to {place}",
            SHOWS: f"a picture of {self.product_id} shows {ask}",
            ASSIGN: f"assign {ask} of {self.product_id} {whom}",
            DONE: f"{ask} of {self.product_id} is done",
        }[self.kind]

    def values(self) -> dict[str, Any]:
        """Its fields by name."""
        return {field.name: getattr(self, field.name) for field in dataclasses.fields(self)}


def once(decisions: Sequence[Decision]) -> list[Decision]:
    """Of decisions about the same thing the last."""
    kept: dict[str, Decision] = {}
    for decision in decisions:
        for key in decision.subjects:
            kept[key] = decision
    return list(dict.fromkeys(kept.values()))
