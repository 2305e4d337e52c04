"""The figures of worth are those of their trials, and the simulated shops are as they say."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest

from unposed_jobs.influence.estimates import REGRESSION
from unposed_jobs.lab.evaluation import worth
from unposed_jobs.lab.evaluation.influence import __main__ as command
from unposed_jobs.lab.evaluation.influence import figures, real, simulate, trials
from unposed_jobs.lab.evaluation.influence.simulate import Shop
from unposed_jobs.lab.evaluation.influence.trials import Outcome
from unposed_jobs.lab.evaluation.videos import card

DATA = Path(__file__).parents[4] / "shared" / "data" / "catalogue"
SHOP = Shop(600)


def told(seed, estimate, truth=0.09, found=False, effect=False):
    value = math.log1p(estimate)
    low, high = value - 0.01, value + 0.01
    return Outcome("regression", seed, math.log1p(truth), value, low, high, found, effect)


def test_figures_are_of_shops():
    outcomes = [told(1, 0.10), told(1, 0.01, 0.0, found=True), told(2, 0.0845, found=True)]
    outcomes += [told(2, 0.0, 0.0)]
    assert figures.bias("", outcomes).value == pytest.approx(0.0246, abs=1e-3)
    assert figures.power("", outcomes).value == 0.5
    all_terms, nine = figures.coverage("", outcomes)
    assert (all_terms.value, nine.value) == (1.0, 1.0)
    wrong = figures.false_discoveries("", outcomes, most=0.05)
    assert (wrong.value, wrong.holds, wrong.asked) == (0.5, False, "≤ 0.05")
    assert figures.wrong_effects("", [told(1, 0.2, 0.0, effect=True)]).value == 1.0


def test_the_same_seed_is_the_same_shop():
    first, second = (simulate.cross_section(SHOP, 7) for _ in range(2))
    assert first.equals(second)
    assert not first.equals(simulate.cross_section(SHOP, 8))


def test_liked_products_have_more_pictures_only_where_it_is_confounded():
    for confounding, wanted in ((0.0, False), (1.0, True)):
        rng = np.random.default_rng(1)
        traits = simulate._traits(Shop(4000, confounding=confounding), rng)
        related = np.corrcoef(traits.liking, traits.odds)[0, 1]
        assert (related > 0.5) == wanted


def test_a_trial_has_each_picture_beside_the_truth():
    outcomes = trials.cross_section(SHOP, 3, rivals=True)
    assert {one.method for one in outcomes} == {trials.REGRESSION, trials.RIDGE, trials.MIXED}
    own = figures.of_method(outcomes, trials.REGRESSION)
    assert [one.truth for one in own] == pytest.approx(np.log1p(SHOP.effects))
    assert all(abs(one.estimate - one.truth) < 0.5 for one in own)


def test_a_history_is_judged_by_both_methods_and_the_rival():
    outcomes = trials.history(Shop(900, confounding=0.8), 3, rivals=True)
    for method in (trials.DIFFERENCES, trials.REGRESSION, trials.TWO_WAY):
        assert len(figures.of_method(outcomes, method)) == len(SHOP.effects)


def test_the_command_prints_and_writes_its_figures(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(command, "PRODUCTS", 400)
    monkeypatch.setattr(command, "SIZES", (400,))
    monkeypatch.setattr(command.multiprocessing, "get_context", lambda _: command.multiprocessing)
    monkeypatch.setattr(command.multiprocessing, "Pool", lambda _: _Alone())
    out = tmp_path / "figures.json"
    assert command.main(["--shops", "2", "--seed", "1", "--json", str(out)]) == 0
    written = json.loads(out.read_text())["figures"]
    titles = {one["title"] for one in written}
    assert "confounded, differences: bias of 9 %, as a share of it" in titles
    assert "400 products, regression: 9 % is found" in titles
    assert "false discoveries" in capsys.readouterr().out
    page = tmp_path / "card.md"
    assert card.main(["influence", str(out), "--card", str(page)]) == 0
    assert "shops of seeds 1 to 2, of 400 products" in page.read_text()


class _Alone:
    """A pool of this process alone."""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        return None

    def map(self, trial, seeds):
        return [trial(seed) for seed in seeds]


@pytest.mark.skipif(not real.there(DATA), reason="the real listings are not beside the checkout")
def test_real_listings_are_told_with_what_is_not_known():
    lines = real.said(DATA)
    assert any("The data cannot tell what “front” is worth" in line for line in lines)
    assert all("age is not held fixed" in line for line in lines if "cannot be told" in line)
    estimates = worth.estimates(real.listings.load(DATA), worth.REVIEWS)
    assert {one.method for one in estimates} == {REGRESSION}
    assert {one.products for one in estimates} == {337}
