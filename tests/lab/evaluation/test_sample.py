"""The audit judged against the rendered truth, on a small warehouse with known mistakes."""

import dataclasses

import pytest

from unposed_jobs.config import Settings, WarehouseSettings
from unposed_jobs.errors import UnposedError
from unposed_jobs.lab.evaluation import sample, truth


@pytest.fixture(scope="module")
def results(shared_sample):
    entries = sample.evaluate(shared_sample.folder, shared_sample.settings, repeats=2)
    return {(entry.result.protocol, entry.method): entry for entry in entries}


def test_labels_of_shots():
    assert truth.label_of("right", "full", "person") == "full side"
    assert truth.label_of("three_quarter", "upper", "person") == "upper three-quarter"
    assert truth.label_of("front", "chest", "person") == "chest"
    assert truth.label_of("", "", "size_chart") == "size-chart"
    assert truth.label_of_shot("back/legs") == "legs back"
    assert truth.label_of_shot("flat_lay") == "flat-lay"
    assert truth.coarse("upper three-quarter") == "upper front"
    assert truth.coarse("legs back") == "legs"
    assert truth.coarse("upper side") == "upper side"


def test_pictures_are_judged_as_the_audit_named_them(shared_sample, results):
    entry = results["picture_labels", "audit"]
    assert {item.image for item in entry.mistakes} == set(shared_sample.wrong)
    assert {(item.truth, item.predicted) for item in entry.mistakes} == {
        ("upper side", "upper back"),
        ("fabric", "unknown"),
    }
    assert 0.9 < entry.result.figures["macro_f1"].value < 1.0
    # 8 products of 10 pictures and 16 of 3; the spoilt files are not judged.
    assert (entry.result.pictures, entry.result.products) == (8 * 10 + 16 * 3, 24)
    outside = results["picture_labels", "audit, products outside the reference"].result
    assert (outside.pictures, outside.products) == (16 * 3, 16)


def test_published_flags_have_the_precision_of_their_mistakes(results):
    flags = results["published_flags", "audit"].result.figures
    # 16 products lack two of five. Three sides and two fabrics are flagged though they are there;
    # one product's side passes for the back that it lacks.
    assert flags["precision"].value == pytest.approx(31 / 36)
    assert flags["recall"].value == pytest.approx(31 / 32)
    few = results["published_flags", "audit, products under 5 pictures"].result
    assert few.products == 16


def test_removed_view_asks_complete_products(results):
    found = results["removed_view", "audit"].result
    assert found.products == 8
    # Five views of eight products; the side of product 3 was taken for a back, so its back is
    # not missed when it goes, and its side is flagged although it is there.
    assert found.figures["recall"].value == pytest.approx(39 / 40)
    assert found.figures["false_alarms"].value == pytest.approx(1 / 40)


def test_the_order_of_missing_poses_is_judged_by_true_importance(results):
    found = results["ranking_quality", "audit's order"].result
    assert found.products == 16
    # The scores fall as the true importance does; all popular products show all five, so their
    # frequency knows no order.
    assert found.figures["precision@1"].value == 1.0
    assert found.figures["ndcg@3"].value == pytest.approx(1.0)
    assert found.baselines["cohort frequency"] == found.baselines["random order"]
    assert found.baselines["random order"]["precision@1"].value == pytest.approx(0.5)


def test_paper_ratio_stands_beside_its_baselines(results):
    found = results["paper_ratio", "audit"].result
    assert found.figures["ratio"].value == pytest.approx(1.0, abs=0.2)
    assert set(found.baselines) == {"random labeller", "constant labeller"}


def test_nothing_to_judge_is_told_apart_from_broken_truth(audited_sample, tmp_path):
    with pytest.raises(truth.NothingToJudgeError, match="no truth at"):
        truth.load(tmp_path, audited_sample.settings)
    empty = dataclasses.replace(
        Settings(), warehouse=WarehouseSettings(uri=f"sqlite:///{tmp_path}/none/catalog.db")
    )
    with pytest.raises(truth.NothingToJudgeError, match="no warehouse"):
        truth.load(audited_sample.folder, empty)
    path = audited_sample.folder / "truth" / "images.csv"
    path.write_text(path.read_text().replace("framing", "frame"))
    with pytest.raises(UnposedError, match="no column framing"):
        truth.load(audited_sample.folder, audited_sample.settings)


def test_pictures_of_another_day_are_not_judged(audited_sample):
    path = audited_sample.folder / "truth" / "images.csv"
    row = "pictures/P00/new.jpg,P00,front,upper,person,1,,\r\n"
    path.write_text(path.read_text() + row)
    judged = truth.load(audited_sample.folder, audited_sample.settings)
    assert judged.unseen == 1
    # The catalogue took it away that day: `images` still knows it, from nights before.
    day = judged.run_date
    (audited_sample.folder / "images.csv").write_text(
        f"image_uri,removed_at\npictures/P00/0.jpg,{day}\npictures/P00/1.jpg,2999-01-01\n"
    )
    judged = truth.load(audited_sample.folder, audited_sample.settings)
    assert judged.unseen == 2
    assert not judged.pictures["image_uri"].str.endswith(("new.jpg", "P00/0.jpg")).any()
