import dataclasses

import numpy as np
import pytest

from unposed_jobs.pose import statistics
from unposed_jobs.vocabulary import naming, no_person
from unposed_jobs.vocabulary.no_person import NoPersonBranch


def kinds(counts: list[int], seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """(N, 6) statistics of so many kinds of picture, and the kind of each."""
    centres = np.random.default_rng(7).uniform(0.1, 0.9, (len(counts), 6))
    label = np.repeat(np.arange(len(counts)), counts)
    noise = np.random.default_rng(seed).normal(0, 0.02, (len(label), 6))
    return (centres[label] + noise).astype(np.float32), label


def test_kinds_of_picture_become_classes_of_their_own() -> None:
    values, label = kinds([30, 20, 25])
    branch = no_person.fit(values, seed=0)
    assert len(branch) == 3
    found = branch.assign(values).index
    assert len({(a, b) for a, b in zip(found, label, strict=True)}) == 3


def test_one_kind_is_one_class_and_so_are_a_few_pictures() -> None:
    noise = np.random.default_rng(0).uniform(0.3, 0.7, (300, 24))
    assert len(no_person.fit(noise, seed=0)) == 1
    assert len(no_person.fit(kinds([2, 2])[0], seed=0)) == 1


def test_kinds_are_told_apart_by_what_they_mean_and_not_by_the_garments_colour() -> None:
    rng = np.random.default_rng(3)
    values = rng.uniform(0, 1, (120, len(statistics.NAMES)))
    label = np.repeat(np.arange(4), 30)
    told = ("border_uniformity", "texture_evenness", "centre_border_contrast", "enclosed_share")
    flat_lay, fabric, crop, chart = (
        dict(zip(told, values, strict=True))
        for values in (
            (0.99, 0.55, 0.4, 0.4),
            (0.9, 0.9, 0.03, 0.0),
            (0.4, 0.6, 0.2, 0.1),
            (1, 1, 1, 0.15),
        )
    )
    plain = {"text_transitions": 0.01, "horizontal_lines": 0.15}
    chart |= {"text_transitions": 0.1, "horizontal_lines": 0.4, "texture_evenness": 0.5}
    for kind, shown in enumerate((plain | flat_lay, plain | fabric, plain | crop, chart)):
        for name, value in shown.items():
            column = statistics.NAMES.index(name)
            values[label == kind, column] = value + rng.normal(0, 0.01, 30)
    branch = no_person.fit(values, seed=0)
    found = branch.assign(values).index
    assert len({(a, b) for a, b in zip(found, label, strict=True)}) == len(branch) >= 4
    again = no_person.fit(values, seed=1, previous=branch)
    np.testing.assert_array_equal(again.assign(values).index, found)


def test_a_model_without_limits_measures_as_it_did() -> None:
    values, _ = kinds([30, 20])
    branch = no_person.fit(values, seed=0)
    state = branch.state()
    for name in ("low", "high", "label"):
        del state[name]
    older = NoPersonBranch.from_state(state)
    np.testing.assert_array_equal(older.assign(values).index, branch.assign(values).index)


def test_a_picture_without_statistics_has_no_class_and_lasts_out_the_rest() -> None:
    values, _ = kinds([20, 20])
    holed = values.copy()
    holed[3, 2] = np.nan
    branch = no_person.fit(holed, seed=0)
    found = branch.assign(holed)
    assert found.index[3] == -1
    assert found.confidence[3] == 0
    assert (np.delete(found.index, 3) >= 0).all()


def test_without_any_statistics_there_is_one_class_on_trust() -> None:
    for nothing in (np.zeros((5, 0)), np.full((5, 6), np.nan)):
        branch = no_person.fit(nothing, seed=0)
        assert branch.blind
        assert len(branch) == 1
        found = branch.assign(nothing)
        assert (found.index == 0).all()
        assert (found.confidence < 1).all()


def test_a_strange_picture_is_unknown() -> None:
    values, _ = kinds([30, 30])
    assert no_person.fit(values, seed=0).assign(values[:1] + 30).index[0] == -1
    with pytest.raises(ValueError, match="statistics"):
        no_person.fit(values, seed=0).assign(values[:, :2])


def test_the_champions_classes_are_the_start() -> None:
    values, _ = kinds([30, 30, 30])
    first = no_person.fit(values, seed=0)
    later = no_person.fit(kinds([20, 40, 30], seed=4)[0], seed=1, previous=first)
    assert len(later) == 3


def test_the_state_makes_the_same_branch() -> None:
    values, _ = kinds([30, 20])
    for branch in (no_person.fit(values, seed=0), no_person.fit(values[:, :0], seed=0)):
        again = NoPersonBranch.from_state(branch.state())
        there = values if not branch.blind else values[:, :0]
        np.testing.assert_array_equal(again.assign(there).index, branch.assign(there).index)


def test_a_statistic_beyond_the_range_in_which_it_tells_tells_no_more() -> None:
    rng = np.random.default_rng(5)
    branch = no_person.fit(rng.uniform(0, 1, (60, len(statistics.NAMES))), seed=0)
    row = np.full((3, len(statistics.NAMES)), 0.5)
    column = statistics.NAMES.index("border_uniformity")
    row[:, column] = 0.3, 0.6, 0.95
    crossed, crossed_too, within = branch.standardise(row)
    np.testing.assert_array_equal(crossed, crossed_too)
    assert within[column] > crossed[column]


FLAT_LAY = {"enclosed_share": 0.4, "border_uniformity": 0.99, "texture_evenness": 0.55}
FLAT_LAY |= {"centre_border_contrast": 0.4}
FABRIC = {"enclosed_share": 0.0, "border_uniformity": 0.6, "texture_evenness": 0.92}
FABRIC |= {"centre_border_contrast": 0.02}


def told(shown: dict[str, float], count: int, seed: int = 0) -> np.ndarray:
    """(count, S) of pictures that are alike in what is shown, and in text and lines."""
    rng = np.random.default_rng(seed)
    values = rng.uniform(0.3, 0.5, (count, len(statistics.NAMES)))
    plain = {"text_transitions": 0.01, "horizontal_lines": 0.15}
    for name, value in (plain | shown).items():
        values[:, statistics.NAMES.index(name)] = value + rng.normal(0, 0.005, count)
    return values


def test_an_outline_tells_more_than_ground_and_texture_together() -> None:
    branch = no_person.fit(np.concatenate([told(FLAT_LAY, 20), told(FABRIC, 20, 1)]), seed=0)
    disputed = FABRIC | {"enclosed_share": FLAT_LAY["enclosed_share"]}
    # By the statistics alone, whatever the picture reads as.
    flat_lay, fabric, between = (
        branch.standardise(told(shown, 1, 2))[0, : len(statistics.NAMES)]
        for shown in (FLAT_LAY, FABRIC, disputed)
    )
    assert np.linalg.norm(between - flat_lay) < np.linalg.norm(between - fabric)


def test_a_picture_goes_by_the_kind_it_reads_as_where_little_else_tells() -> None:
    branch = no_person.fit(np.concatenate([told(FLAT_LAY, 20), told(FABRIC, 20, 1)]), seed=0)
    # A plain border and a texture a little less, or more, even than a fabric's.
    faint = FLAT_LAY | {"enclosed_share": 0.05, "centre_border_contrast": 0.12}
    rows = np.concatenate([told(faint | {"texture_evenness": even}, 1) for even in (0.77, 0.83)])
    assert naming.kind_readings(rows).tolist() == [naming.FLAT_LAY, naming.FABRIC]
    apart = np.linalg.norm(np.diff(branch.standardise(rows), axis=0))
    bare = dataclasses.replace(branch, kind_weight=0.0)
    assert apart > 2 * np.linalg.norm(np.diff(bare.standardise(rows), axis=0))
    again = NoPersonBranch.from_state(branch.state())
    np.testing.assert_array_equal(again.standardise(rows), branch.standardise(rows))


def test_judged_kinds_are_the_classes_whatever_the_statistics_say() -> None:
    """Flat-lays that plain statistics take for fabrics: a pale dress on a printed blanket."""
    rng = np.random.default_rng(2)
    plain = np.concatenate([told(FABRIC, 60, 3)])
    assert set(naming.kind_readings(plain)) == {naming.FABRIC}
    kind = np.repeat([0, 1, 2, 3], 15)
    judged = rng.dirichlet([0.2] * 4, 60) * 0.3 + 0.7 * np.eye(4)[kind]
    rows = np.concatenate([plain, judged], axis=1)
    assert naming.kind_readings(rows).tolist() == [naming.KINDS[one] for one in kind]
    branch = no_person.fit(rows, seed=0)
    index = branch.assign(rows).index
    assert len(branch) == 4
    for one in range(4):
        assert len(set(index[kind == one].tolist())) == 1
    # Without them, as where they are switched off, all would be one.
    assert len(no_person.fit(plain, seed=0)) == 1


def test_a_less_sure_picture_is_of_the_class_whose_pictures_were_all_sure() -> None:
    kind = np.repeat([0, 2], 30)
    plain = np.random.default_rng(5).uniform(0, 1, (60, len(statistics.NAMES)))
    judged = np.random.default_rng(6).dirichlet([1.0] * 4, 60) * 0.002 + 0.998 * np.eye(4)[kind]
    fitted = no_person.fit(np.concatenate([plain, judged], axis=1), seed=0)
    branch = no_person.reaching(fitted)
    shown = np.array([[0.75, 0.15, 0.05, 0.05], [0.1, 0.1, 0.7, 0.1], [0.3, 0.3, 0.1, 0.3]])
    found = branch.assign(np.concatenate([plain[:3], shown], axis=1))
    own = branch.assign(np.concatenate([plain, judged], axis=1)).index[[0, -1]]
    assert found.index[:2].tolist() == own.tolist()
    assert (found.confidence[:2] >= 0.5).all()
    assert found.confidence[2] < 0.5
    assert (fitted.assign(np.concatenate([plain[:2], shown[:2]], axis=1)).index == -1).all()


def test_statistics_that_are_no_kinds_reach_as_far_as_they_lie() -> None:
    branch = no_person.fit(np.concatenate([told(FABRIC, 60, 3)]), seed=0)
    assert no_person.reaching(branch) is branch
