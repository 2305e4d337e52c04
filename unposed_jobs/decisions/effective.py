"""What the next audit goes by: the shot profile with what people decided laid over it.

Decisions become the very sections that a profile file has and are read by the same parser. Where
both speak of the same thing the decision counts: it is later, and has a name and a date.
"""

from __future__ import annotations

import glob
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from unposed_jobs.audit.profile import Profile
from unposed_jobs.decisions import kinds
from unposed_jobs.decisions.kinds import PROFILE_KINDS
from unposed_jobs.decisions.store import Recorded, Store
from unposed_jobs.warehouse.tables import DECISIONS

if TYPE_CHECKING:
    from unposed_jobs.config import Settings

SOURCE = "the decisions"
"""What errors about them call their source."""


@dataclass(frozen=True)
class Effective:
    """A profile, and what it was made of."""

    profile: Profile
    text: str
    """All that decides it: the file's own text and the decisions, in one order."""
    decisions: tuple[Recorded, ...] = ()
    overruled: tuple[str, ...] = ()
    """Lines about entries of the file that a decision takes the place of."""

    def figures(self) -> dict[str, Any]:
        """Of the run: decisions by kind, and the latest one."""
        if not self.decisions:
            return {}
        counts: dict[str, int] = {}
        for one in self.decisions:
            counts[one.decision.kind] = counts.get(one.decision.kind, 0) + 1
        return {"decisions": counts | {"latest": max(one.id for one in self.decisions)}}


def load(settings: Settings) -> Effective:
    """What holds now by ``[audit] profile`` and ``[decisions] store``.

    Raises UnposedError for a profile that is wrong, MachineError where the store does not answer.
    """
    path = settings.audit.profile
    profile = Profile.load(path)
    text = Path(path).read_text(encoding="utf-8") if path else ""
    store = Store.existing(settings.decisions.store)
    found = store.standing(PROFILE_KINDS) if store else []
    return overlay(profile, text, found)


def overlay(profile: Profile, text: str, found: Sequence[Recorded]) -> Effective:
    """Lay decisions over a profile; without any it is as it was, its text too."""
    if not found:
        return Effective(profile, text)
    raw = sections(found)
    merged, overruled = profile.under(Profile.parse(raw, SOURCE))
    written = json.dumps(raw, sort_keys=True, default=str, ensure_ascii=False)
    return Effective(merged, f"{text}\n{written}", tuple(found), tuple(overruled))


def sections(found: Iterable[Recorded]) -> dict[str, Any]:
    """The decisions as a shot profile has them: each kind in its section."""
    raw: dict[str, Any] = {}
    for one in found:
        made = one.decision
        of = {"pose": made.pose_id} if made.pose_id is not None else {"ask": made.ask_id}
        why = f"{made.reason or 'no reason given'} ({one.by}, {one.at:%Y-%m-%d})"
        said = {"by": one.by} | ({"reason": made.reason} if made.reason else {})
        if made.kind == kinds.RENAME:
            raw.setdefault("rename", []).append(of | {"name": made.name, "reason": why})
        elif made.kind == kinds.HIDE:
            raw.setdefault("hide", []).append(of | {"reason": why})
        elif made.kind == kinds.MERGE:
            named = {"name": made.name} if made.name else {}
            merge = {"asks": list(made.ask_ids), "reason": why} | named
            raw.setdefault("merge", []).append(merge)
        elif made.kind == kinds.NOT_APPLICABLE:
            # The file goes by patterns, a decision by the very category.
            place = "/".join(glob.escape(p) for p in (made.category, made.subcategory) if p)
            raw.setdefault("not_applicable", {}).setdefault(place, []).append(made.ask_id)
        elif made.kind == kinds.WAIVE:
            waiver = {"product_id": made.product_id, "pose": made.ask_id} | said
            raw.setdefault("waivers", []).append(
                waiver | ({"until": made.until} if made.until else {})
            )
        elif made.kind == kinds.SHOWS:
            shown = {"product_id": made.product_id, "image": made.image_uri, "pose": made.ask_id}
            content = {"content": made.content_sha256} if made.content_sha256 else {}
            raw.setdefault("shows", []).append(shown | content | said)
    return raw


def rows(found: Sequence[Recorded]) -> pa.Table:
    """The rows of the table `decisions` without its day and run."""
    columns = [name for name in DECISIONS.schema.names if name not in ("run_date", "run_id")]
    values = []
    for one in found:
        made = one.decision.values()
        asks = made["ask_ids"] or ((made["ask_id"],) if made["ask_id"] is not None else ())
        whole = made | {
            "decision_id": one.id,
            "ask_ids": list(asks),
            "decided_by": one.by,
            "decided_at": one.at,
        }
        values.append({name: whole[name] for name in columns})
    schema = pa.schema([DECISIONS.schema.field(name) for name in columns])
    return pa.Table.from_pylist(values, schema=schema)
