import dataclasses
import tomllib

import numpy as np
import pyarrow as pa
import pytest
from small_products import RUN, SETTINGS, batch, picture
from test_asks import BUNDLE, EXPECTATIONS, VOCABULARY

from unposed_jobs.audit import corrections
from unposed_jobs.audit.corrections import Correction
from unposed_jobs.audit.expectations import Expectations
from unposed_jobs.audit.inference import audit_products
from unposed_jobs.audit.profile import Profile
from unposed_jobs.errors import UnposedError

FRONT, BACK, LOGO = 1, 4, 5


def read(text):
    return corrections.parse(tomllib.loads(text), "shots.toml")


def apply(text):
    corrected, lines = corrections.apply(EXPECTATIONS, read(text))
    assert lines == []
    return corrected


def audit(expectations, *pictures, category="Polos", profile=None):
    """Audit one product; its flags by ask, and its product row."""
    products = batch(("A", category, None, list(pictures)))
    tables = audit_products(products, expectations, SETTINGS, RUN, profile)
    (product,) = tables.product_audit.to_pylist()
    return {row["ask_id"]: row for row in tables.pose_flags.to_pylist()}, product


def told(text):
    rows = corrections.vocabulary(VOCABULARY, EXPECTATIONS, read(text)).to_pylist()
    return {row["pose_id"]: row for row in rows}


def test_nothing_corrected_changes_nothing():
    corrected, lines = corrections.apply(EXPECTATIONS, ())
    assert corrected is EXPECTATIONS
    assert lines == []
    rows = corrections.vocabulary(VOCABULARY, EXPECTATIONS, ())
    assert rows.drop_columns(["correction"]).equals(VOCABULARY)
    assert rows["correction"].null_count == rows.num_rows


RENAMED = """
[[rename]]
ask = 2
name = "the front"
reason = "our word"
[[rename]]
pose = 2
name = "whole front"
reason = "shorter"
[[rename]]
pose = 4
name = "from behind"
reason = "our word"
"""


def test_a_new_name_stands_in_flags_lists_and_remedies():
    flags, product = audit(apply(RENAMED))
    assert flags[FRONT]["ask_name"] == "the front"
    assert flags[FRONT]["pose_name"] == "whole front"
    assert flags[FRONT]["advice"].startswith("Photograph: the front (shot FRNT)")
    # The back is an ask of one class and bears its name.
    assert flags[BACK]["ask_name"] == flags[BACK]["pose_name"] == "from behind"
    assert product["top_missing"] == ["from behind", "the front"]


def test_a_renamed_class_does_not_rename_an_ask_of_several():
    renamed = apply('[[rename]]\npose = 2\nname = "x"\nreason = "y"')
    assert renamed.names == EXPECTATIONS.names


def test_patterns_of_the_profile_go_by_the_new_names():
    profile = Profile(shot_codes=(("whole*", "WHOL"),), not_applicable=(("Polos", ("*behind",)),))
    flags, _ = audit(apply(RENAMED), profile=profile)
    assert flags[FRONT]["shot_code"] == "WHOL"
    assert flags[BACK]["state"] == "not_applicable"


def test_a_new_name_is_told_in_the_vocabulary():
    rows = told(RENAMED)
    assert rows[1]["correction"] == "ask renamed from 'front': our word"
    assert (rows[1]["name"], rows[1]["ask_name"]) == ("chest, front", "the front")
    assert rows[2]["name"] == "whole front"
    assert "renamed from 'full body, front': shorter" in rows[2]["correction"]
    assert "ask renamed from 'front': our word" in rows[2]["correction"]
    assert rows[3]["correction"] is None


MERGED = '[[merge]]\nasks = [4, 1]\nname = "front or back"\nreason = "either will do"\n'


def test_a_merged_ask_is_one_row_that_any_of_its_classes_fills():
    merged = apply(MERGED)
    assert merged.ask_ids.tolist() == [3, BACK, LOGO]
    assert merged.members == ((3,), (1, 2, 4), (5,))
    for pose in (1, 2, 3, 4):  # Among polos 3 stands in for the back.
        flags, product = audit(merged, picture("x", pose))
        assert flags[BACK]["state"] == "present", pose
        assert product["status"] == "complete"
    flags, product = audit(merged)
    assert list(flags) == [3, BACK, LOGO]
    assert flags[BACK]["members"] == [1, 2, 4]
    assert product["top_missing"] == ["front or back"]


def test_a_merged_ask_takes_share_score_and_usual_class_of_the_commonest():
    merged, before = apply(MERGED), EXPECTATIONS
    np.testing.assert_array_equal(
        merged.share[:, 1], np.maximum(before.share[:, 0], before.share[:, 2])
    )
    row = merged.rows[("Polos",)]
    assert merged.score[row, 1] == before.score[row, 0]
    assert merged.pose_ids[merged.usual[row, 1]] == 2
    assert merged.examples[row][1][0] == "p2"
    assert "p4" in merged.examples[row][1]
    assert before.share.shape[1] == 4  # What was learned is as it was.


def test_without_a_name_a_merged_ask_is_called_as_its_first():
    assert apply('[[merge]]\nasks = [4, 1]\nreason = "r"').names[1] == "back"


def test_a_merged_ask_is_told_in_the_vocabulary():
    rows = told(MERGED)
    for pose in (1, 2, 4):
        assert rows[pose]["ask_id"] == BACK
        assert rows[pose]["ask_name"] == "front or back"
        assert rows[pose]["correction"] == "asks 4, 1 merged: either will do"
    assert rows[3]["correction"] is None


def test_a_hidden_ask_is_never_flagged():
    hidden = apply('[[hide]]\nask = 4\nreason = "not for us"')
    for category in ("Polos", "Tees", "Socks"):
        flags, product = audit(hidden, picture("f", 2), category=category)
        assert flags[BACK]["state"] == "not_applicable"
        assert product["status"] == "complete"
    row = told('[[hide]]\nask = 4\nreason = "not for us"')[4]
    assert row["asked"] is False
    assert row["correction"] == "ask hidden: not for us"


def test_pictures_of_a_hidden_class_show_fill_and_cloud_nothing():
    hidden = apply('[[hide]]\npose = 2\nreason = "mixed"')
    flags, product = audit(hidden, picture("f", 2), picture("b", 4))
    assert flags[FRONT]["state"] == "missing"
    assert flags[FRONT]["members"] == [1]
    assert flags[FRONT]["pose_id"] == 1
    assert product["poses_present"] == [4]
    assert product["usable"] == 2
    flags, _ = audit(hidden, picture("f", 2, 0.1), picture("b", 4))
    assert flags[FRONT]["state"] == "missing"
    assert audit(hidden, picture("n", 1))[0][FRONT]["state"] == "present"
    row = told('[[hide]]\npose = 2\nreason = "mixed"')[2]
    assert row["asked"] is False
    assert row["correction"] == "hidden: mixed"


def test_an_ask_whose_classes_are_all_hidden_is_hidden():
    text = '[[hide]]\npose = 1\nreason = "r"\n[[hide]]\npose = 2\nreason = "r"\n'
    flags, _ = audit(apply(text), picture("f", 2), picture("b", 4))
    assert flags[FRONT]["state"] == "not_applicable"


def test_the_order_of_entries_does_not_matter_for_a_hidden_class_and_its_ask():
    text = '[[hide]]\npose = 2\nreason = "r"\n[[hide]]\nask = 2\nreason = "r"\n'
    flags, _ = audit(apply(text), picture("b", 4))
    assert flags[FRONT]["state"] == "not_applicable"


def test_an_id_of_another_model_is_a_line_and_the_rest_holds():
    entries = read('[[merge]]\nasks = [1, 9, 4]\nreason = "r"\n[[hide]]\npose = 8\nreason = "r"')
    corrected, lines = corrections.apply(EXPECTATIONS, entries)
    assert corrected.members[0] == (1, 2, 4)
    assert lines == [
        "[[merge]] ask 9 is not in this model: not used",
        "[[hide]] pose 8 is not in this model: not used",
    ]
    corrections.check_known(entries, range(10), "shots.toml")
    with pytest.raises(UnposedError, match=r"^shots.toml: \[\[merge\]\] ask 9: no model has"):
        corrections.check_known(entries, [1, 4, 8], "shots.toml")


def test_a_merge_of_which_one_ask_is_left_only_names_it():
    entries = read('[[merge]]\nasks = [4, 9]\nname = "rear"\nreason = "r"')
    corrected, _ = corrections.apply(EXPECTATIONS, entries)
    assert corrected.names == ("front", "three-quarter", "rear", "logo")
    row = corrections.vocabulary(VOCABULARY, EXPECTATIONS, entries).to_pylist()[3]
    assert row["correction"] == "ask renamed from 'back': r"


def test_two_asks_of_one_name_are_a_line():
    entries = read('[[rename]]\nask = 4\nname = "front"\nreason = "r"')
    assert corrections.apply(EXPECTATIONS, entries)[1] == ["two asks are called 'front' now"]


def test_a_retired_class_is_left_as_it_is():
    lineage = pa.array(["kept", "kept", "kept", "kept", "retired"])
    rows = VOCABULARY.append_column("lineage", lineage)
    learned = Expectations.from_bundle(dataclasses.replace(_bundle(), vocabulary=rows))
    entries = (Correction("rename", "pose", (5,), "emblem", "r"),)
    row = corrections.vocabulary(rows, learned, entries).to_pylist()[4]
    assert (row["name"], row["correction"], row["lineage"]) == ("logo", None, "retired")


def _bundle():
    names = [(name, object) for name in vars(BUNDLE)]
    return dataclasses.make_dataclass("Bundle", names)(**vars(BUNDLE))


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ('[rename]\npose = 1\nname = "x"', r"own \[\[rename\]\]"),
        ('hide = ["x"]', r"own \[\[hide\]\]"),
        ('[[rename]]\npose = 1\nname = "x"', "pose 1 needs a reason"),
        ('[[rename]]\npose = 1\nname = "x"\nreason = " "', "pose 1 needs a reason"),
        ('[[rename]]\npose = 1\nreason = "r"', "pose 1 needs a name"),
        ('[[rename]]\npose = 1\nname = ""\nreason = "r"', "pose 1 needs a name"),
        ('[[merge]]\nasks = [1, 2]\nname = ""\nreason = "r"', "ask 1 needs a name"),
        ('[[rename]]\nname = "x"\nreason = "r"', "either pose or ask"),
        ('[[hide]]\npose = 1\nask = 1\nreason = "r"', "either pose or ask"),
        ('[[hide]]\npose = "back"\nreason = "r"', "goes by ids, not 'back'"),
        ('[[hide]]\npose = true\nreason = "r"', "goes by ids"),
        ('[[hide]]\npose = 1\nreson = "r"', "unknown key reson"),
        ('[[merge]]\nasks = [1]\nreason = "r"', "two ids or more"),
        ('[[merge]]\nasks = 1\nreason = "r"', "two ids or more"),
        ('[[merge]]\nasks = [1, 1]\nreason = "r"', "ask 1 stands in two corrections"),
        (
            '[[hide]]\nask = 1\nreason = "r"\n[[merge]]\nasks = [4, 1]\nreason = "r"',
            "ask 1 stands in two corrections",
        ),
        (
            '[[hide]]\npose = 1\nreason = "r"\n[[rename]]\npose = 1\nname = "x"\nreason = "r"',
            "pose 1 stands in two corrections",
        ),
    ],
)
def test_mistakes_are_one_line_that_names_the_file(tmp_path, text, says):
    path = tmp_path / "shots.toml"
    path.write_text(text)
    with pytest.raises(UnposedError, match=says) as error:
        Profile.load(path)
    assert str(error.value).startswith(str(path))
    assert "\n" not in str(error.value)
