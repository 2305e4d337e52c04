"""The model card: made from a summary alone, every figure beside its baselines."""

import re
from pathlib import Path

import pytest

from unposed_jobs.lab.evaluation import card, limits, protocols, sample, summary

CARD = Path(__file__).parents[3] / "docs" / "model-card.md"
FACTS = {
    "seed": 7,
    "repeats": 2,
    "clusters": [8, 12],
    "absent": ["In-shop photographs: not judged; no folder x"],
    "date": "2026-01-05",
    "versions": {"unposed": "0.1.0"},
}


@pytest.fixture(scope="module")
def content(shared_sample):
    entries = sample.evaluate(shared_sample.folder, shared_sample.settings, repeats=1)
    return summary.as_json(entries, **FACTS)


def test_tells_every_figure_and_every_baseline(content):
    text = card.render(content)
    assert text.startswith(card.MARKER)
    for row in content["results"]:
        result = row["result"]
        assert result["baselines"], row["method"]
        for figures in (result["figures"], *result["baselines"].values()):
            for value in figures.values():
                assert card.figure(value) in text
        for rival in result["baselines"]:
            assert rival in text
    assert "no folder x" in text
    assert "unposed 0.1.0" in text
    assert "Evaluation seed 7" in text


def test_a_tuned_seed_is_told_and_a_kept_one_is_not(content):
    tuned = card.render({**content, "catalogue": {"products": 9, "seed": 2}})
    assert "seed 2 of this card is one that methods were tuned on" in tuned
    kept = card.render({**content, "catalogue": {"products": 9, "seed": 100}})
    assert "of this card is one that" not in kept


def test_is_made_of_whatever_there_is(content):
    for protocol in {row["result"]["protocol"] for row in content["results"]}:
        rows = [row for row in content["results"] if row["result"]["protocol"] != protocol]
        assert card.render({**content, "results": rows}).startswith(card.MARKER)


def test_limits_are_read_off_the_figures(content):
    told = "\n".join(limits.of(content["results"]))
    assert "upper side taken for upper back (4 of 25)" in told
    assert "fabric given no name (2 of" in told
    assert "better than plain cohort frequency" in told
    blind = protocols.ranking_quality(
        [[1, 0, 2]] * 30, [[True] * 3] * 30, [[2, 3, 1]] * 30, [[2, 1, 3]] * 30
    )
    entry = summary.Entry("data", "audit's order", blind)
    told = "\n".join(limits.of(summary.as_json([entry])["results"]))
    assert "worse than plain cohort frequency" in told


def test_undefined_figures_are_dashes():
    assert card.figure({"value": None, "low": None, "high": None}) == "–"
    assert card.figure({"value": 0.5, "low": None, "high": None}) == "0.50"
    assert card.figure({"value": -0.001, "low": -0.004, "high": 0.1}) == "0.00 (0.00–0.10)"


def test_the_kept_card_has_the_layout_that_the_generator_writes(content):
    """Its figures are those of a longer run; its sections and marker are not anybody's to edit."""
    text = CARD.read_text(encoding="utf-8")
    assert text.startswith(card.MARKER)

    def sections(markdown):
        return re.findall(r"^## .*$", markdown, re.MULTILINE)

    assert sections(text) == sections(card.render(content))
    for words in ("random labeller", "constant labeller", "cohort frequency", "Polo shirts"):
        assert words in text
    # Every line of a table has as many cells as its head.
    for block in re.findall(r"(?:^\|.*\|\n)+", text, re.MULTILINE):
        assert len({line.count("|") for line in block.splitlines()}) == 1


def test_real_pictures_that_the_gate_has_seen_are_told_apart() -> None:
    seen = protocols.false_persons([False, True] * 4, [False] * 8, list("abcdefgh"))
    entry = summary.Entry("Real pictures", "estimator", seen, group="flatlay")
    told = "\n".join(limits.of(summary.as_json([entry])["results"]))
    assert "kept out of its fitting it took for a person" in told
    assert "in flatlay" in told
    assert "coco-empty" not in told
