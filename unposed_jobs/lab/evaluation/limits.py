"""The known limits that a model card lists, read off the figures of an evaluation."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from unposed_jobs.pose.second_look import identity

Row = Mapping[str, Any]
PLAIN_ORDER, LEARNED_ORDER = "cohort frequency, shrunk", "learned"
"""The orders that are judged on real listings: the plain one, and the one of section 4.5."""
CONFUSIONS = 5
"""Kinds of mistakes that are listed."""


def of(results: Sequence[Row]) -> list[str]:
    """Sentences, the ones about single pictures first; only what the figures say."""
    return [
        *_confusions(_find(results, "picture_labels", "audit")),
        *_names(results),
        *_alarms(
            _find(results, "removed_view_audited", "audit")
            or _find(results, "removed_view", "audit")
        ),
        *_real_flags(results),
        *_ranking(_find(results, "ranking_quality", "audit's order")),
        *_listings(results),
        *_confidence(_find(results, "confidence", "audit")),
        *_persons(results),
        *_places(results),
        *_real_poses(results),
        *_flips(_find(results, "flip_rate", "pipeline")),
        *_ratio(_find(results, "paper_ratio", "audit")),
    ]


def confusions(labels: Sequence[str], counts: Iterable[Sequence[float]]) -> list[tuple]:
    """(true label, said, pictures, of how many), the most frequent first; "" for no answer."""
    found = []
    for row, line in enumerate(counts):
        total = sum(line)
        for column, count in enumerate(line):
            if column != row and round(count):
                said = labels[column] if column < len(labels) else ""
                found.append((labels[row], said, round(count), round(total)))
    return sorted(found, key=lambda item: (-item[2], item[0], item[1]))


def _find(results: Sequence[Row], protocol: str, method: str, group: str = "") -> Row | None:
    for row in results:
        wanted = (row["result"]["protocol"], row["method"], row["group"])
        if wanted == (protocol, method, group):
            return row["result"]
    return None


def _confusions(result: Row | None) -> list[str]:
    if result is None or result["confusion"] is None:
        return []
    worst = confusions(result["labels"], result["confusion"])[:CONFUSIONS]
    if not worst:
        return []
    mistakes = (
        f"{true} taken for {said} ({count} of {total})"
        if said
        else f"{true} given no name ({count} of {total})"
        for true, said, count, total in worst
    )
    lines = [f"The most frequent mistakes on rendered pictures: {'; '.join(mistakes)}."]
    lost = [
        label
        for row, label in enumerate(result["labels"])
        if round(result["confusion"][row][row]) == 0
    ]
    return [*lines, *([f"Never named right: {', '.join(lost)}."] if lost else [])]


def _names(results: Sequence[Row]) -> list[str]:
    own = _find(results, "picture_labels", "generated names")
    best = _find(results, "picture_labels", "audit")
    if own is None or best is None:
        return []
    said, could = (item["figures"]["macro_f1"]["value"] for item in (own, best))
    return [
        f"The generated names reach a macro-F1 of {said:.2f}, where names given by people's labels "
        f"on other products would reach {could:.2f}: "
        + ("they are as good here." if said >= could else "read a class by its example pictures.")
    ]


def _alarms(result: Row | None) -> list[str]:
    if result is None:
        return []
    products, rate = (
        result["figures"][name]["value"] for name in ("products_alarmed", "false_alarms")
    )
    if products is None:
        return []
    return [
        f"Of rendered products that lack nothing, {products:.0%} have at least one pose flagged "
        f"wrongly; of their poses, {rate:.0%}."
    ]


def _real_flags(results: Sequence[Row]) -> list[str]:
    lines = []
    for row in results:
        result = row["result"]
        if result["protocol"] != "published_flags" or not row["data"].startswith("In-shop"):
            continue
        if (row["method"], row["group"]) != ("as published", ""):
            continue
        recall, precision, alarmed = (
            result["figures"][name]["value"] for name in ("recall", "precision", "products_alarmed")
        )
        if None not in (recall, precision, alarmed):
            lines.append(
                f"{row['data']}: {precision:.0%} of the flags are right by people's labels, "
                f"{recall:.0%} of what is missing is flagged, and {alarmed:.0%} of the products "
                f"have a false flag."
            )
    return lines


def _ranking(result: Row | None) -> list[str]:
    if result is None:
        return []
    lines = []
    for name, title in (("precision@1", "precision@1"), ("ndcg@3", "NDCG@3")):
        own = result["figures"][name]
        rival = result["baselines"]["cohort frequency"][name]
        if None in (own["value"], rival["value"]):
            continue
        worth = "better than" if own["low"] > rival["high"] else "no better than"
        worth = "worse than" if own["high"] < rival["low"] else worth
        lines.append(
            f"The order of missing poses has {title} {own['value']:.2f}, {worth} plain cohort "
            f"frequency ({rival['value']:.2f}) within the intervals."
        )
    return lines


def _listings(results: Sequence[Row]) -> list[str]:
    plain, learned = (_find(results, "hidden_view", name) for name in (PLAIN_ORDER, LEARNED_ORDER))
    if plain is None or learned is None:
        return []
    first = {"": plain["figures"], **plain["baselines"]}
    shares = {name: figures["precision@1"]["value"] for name, figures in first.items()}
    gain = learned["figures"]["gain"]
    if gain["value"] is None or gain["low"] is None:
        return []
    verdict = "no better than"
    if gain["low"] > 0:
        verdict = "better than"
    elif gain["high"] < 0:
        verdict = "worse than"
    rivals = ", ".join(f"{name} {share:.1%}" for name, share in shares.items() if name)
    return [
        f"Of {plain['products']} real listings one view at a time was hidden: {PLAIN_ORDER}, "
        f"asks for it first in {shares['']:.1%} ({rivals}). There a learned order is {verdict} "
        f"that: NDCG@5 {gain['value'] / 100:+.4f} ({gain['low'] / 100:+.4f} to "
        f"{gain['high'] / 100:+.4f}).",
        *(f"{note[0].upper()}{note[1:]}." for note in plain["notes"]),
    ]


def _confidence(result: Row | None) -> list[str]:
    if result is None:
        return []
    figures, flat = result["figures"], result["baselines"]["constant confidence"]
    bins = result["details"].get("Reliability", [])
    pictures = sum(row["pictures"] for row in bins)
    mean = sum(row["mean"] * row["pictures"] for row in bins) / pictures if pictures else 0.0
    accuracy, error = figures["accuracy"]["value"], figures["ece"]["value"]
    side = "too low" if mean < accuracy else "too high"
    brier, plain = figures["brier"]["value"], flat["brier"]["value"]
    verdict = "better" if brier < plain else "no better"
    return [
        f"The confidence of a picture's pose is {mean:.2f} on average where {accuracy:.2f} are "
        f"right, so {side} (calibration error {error:.2f}); as a probability it is {verdict} than "
        f"one constant (Brier {brier:.3f} against {plain:.3f})."
    ]


def _persons(results: Sequence[Row]) -> list[str]:
    lines = []
    for group, words, figure in (
        ("flatlay", "real garments laid flat are taken for a person", "false_persons"),
        ("coco-empty", "real scenes without anybody are", "false_persons"),
        ("chest", "rendered headless chest crops are found to show a person", "persons_found"),
        ("legs", "rendered crops of the legs are", "persons_found"),
    ):
        result = _find(results, "false_persons", "estimator", group)
        if result is not None and result["figures"][figure]["value"] is not None:
            share = result["figures"][figure]["value"]
            lines.append(f"{share:.0%} of {result['pictures']} {words}")
    return [f"{'; '.join(lines)}.", *_seen_by_the_gate(results)] if lines else []


def _seen_by_the_gate(results: Sequence[Row]) -> list[str]:
    """The gate was fitted on real pictures too: what it did on those it had not seen."""
    held_out = {
        row["kind"]: row["found"]
        for row in json.loads(identity.read())["out_of_fold"]
        if row["origin"] == "real"
    }
    shares = [
        f"{held_out[group]:.1%} in {group}"
        for group in ("flatlay", "coco-empty")
        if group in held_out and _find(results, "false_persons", "estimator", group) is not None
    ]
    if not shares:
        return []
    return [
        "The gate that refuses false persons was fitted on rendered pictures and on real ones of "
        f"these folders, so they flatter it. On pictures kept out of its fitting it took for a "
        f"person: {', '.join(shares)}."
    ]


def _places(results: Sequence[Row]) -> list[str]:
    joints = []
    for group, words in (("chest", "chest crops"), ("legs", "leg crops")):
        result = _find(results, "joint_places", "estimator", group)
        if result is not None:
            own = result["figures"]["placed"]["value"]
            rival = result["baselines"]["mean place in other products"]["placed"]["value"]
            joints.append(f"{words} {own:.0%} (the mean place alone: {rival:.0%})")
    return [f"Joints are in their places in: {', '.join(joints)}."] if joints else []


def _real_poses(results: Sequence[Row]) -> list[str]:
    lines = []
    for row in results:
        result = row["result"]
        if (
            result["protocol"] == "picture_labels"
            and row["data"].startswith("In-shop")
            and result["confusion"] is not None
        ):
            score = result["figures"]["macro_f1"]["value"]
            worst = confusions(result["labels"], result["confusion"])[:1]
            also = [
                f"; most often {true} is taken for {said or 'nothing'} ({count} of {total})"
                for true, said, count, total in worst
            ]
            lines.append(
                f"{row['data']}: macro-F1 {score:.2f} at {row['method'].split(', ')[-1]}"
                f"{''.join(also)}."
            )
    return lines


def _flips(result: Row | None) -> list[str]:
    if result is None:
        return []
    share = result["figures"]["flip_rate"]["value"]
    return [
        f"Retraining on other reference products changes {share:.1%} of the flags although no "
        "picture changed."
    ]


def _ratio(result: Row | None) -> list[str]:
    if result is None:
        return []
    own = result["figures"]["ratio"]["value"]
    blind = result["baselines"]["random labeller"]["ratio"]["value"]
    return [
        f"The paper's ratio is weak: {own:.2f} here, and {blind:.2f} for a labeller that draws "
        "labels at random."
    ]
