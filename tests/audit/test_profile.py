import datetime
from pathlib import Path

import pyarrow as pa
import pytest

from unposed_jobs.audit.expectations import Expectations
from unposed_jobs.audit.profile import Profile
from unposed_jobs.errors import UnposedError

NAMES = ("full body, front", "upper body, back", "size chart")
EXAMPLE = Path(__file__).parents[2] / "docs/profile.example.toml"
TODAY = datetime.date(2026, 3, 1)


def asks(names=NAMES, ask_ids=(2, 5, 9), ask_names=None):
    """Classes 2, 5 and 9, each an ask of its own unless `ask_ids` joins some."""
    vocabulary = pa.table(
        {
            "pose_id": [2, 5, 9],
            "kind": ["person"] * 3,
            "name": names,
            "shot_code": pa.array([None] * 3, pa.string()),
            "ask_id": ask_ids,
            "ask_name": ask_names or names,
        }
    )
    cohorts = pa.table({name: pa.array([], pa.int32()) for name in ("ask_id", "pose_id")})
    return Expectations.from_tables(vocabulary, cohorts, ())


def load(tmp_path, text):
    path = tmp_path / "profile.toml"
    path.write_text(text, encoding="utf-8")
    return Profile.load(path)


def test_no_path_is_the_empty_profile():
    profile = Profile.load("")
    assert profile.shot_code(0, "anything") is None
    assert not profile.excludes("a", "b", asks()).any()


def test_shot_codes_first_match_wins_without_regard_to_case(tmp_path):
    profile = load(tmp_path, '[shot_codes]\n"*BACK*" = "BACK"\n"upper*" = "TOPS"\n')
    assert profile.shot_code(3, "Upper body, back") == "BACK"
    assert profile.shot_code(3, "upper body, front") == "TOPS"
    assert profile.shot_code(3, "legs") is None


def test_not_applicable_by_category_and_subcategory(tmp_path):
    profile = load(
        tmp_path,
        '[not_applicable]\n"Trousers" = ["upper*"]\n"Clothing/Socks" = ["full*", "size chart"]\n',
    )
    assert profile.excludes("Trousers", "Jeans", asks()).tolist() == [False, True, False]
    assert profile.excludes("Clothing", "Socks", asks()).tolist() == [True, False, True]
    assert not profile.excludes("Clothing", None, asks()).any()
    assert not profile.excludes(None, None, asks()).any()


def test_a_pose_id_holds_whatever_the_pose_is_called(tmp_path):
    profile = load(
        tmp_path,
        '[shot_codes]\n5 = "REAR"\n"*back" = "BACK"\n[not_applicable]\n"Socks" = [9, "full*"]\n',
    )
    assert profile.shot_code(5, "upper body, back") == "REAR"
    assert profile.shot_code(5, "renamed") == "REAR"
    assert profile.shot_code(55, "upper body, back") == "BACK"
    assert profile.excludes("Socks", None, asks()).tolist() == [True, False, True]
    assert profile.excludes("Socks", None, asks(("a", "b", "c"))).tolist() == [False, False, True]


def test_an_ask_is_meant_by_its_id_a_member_its_name_or_a_name_that_all_members_have(tmp_path):
    pair = asks(("front, near", "front, far", "back"), (2, 2, 9), ("a front", "a front", "back"))
    for words, meant in (
        ("2", True),
        ("5", True),
        ('"a front"', True),
        ('"front*"', True),
        ('"*near"', False),
        ("9", False),
    ):
        profile = load(tmp_path, f'[not_applicable]\n"*" = [{words}]\n')
        assert profile.excludes("Tops", None, pair)[0] == meant, words
        assert profile.excludes("Tops", None, pair)[1] == (words == "9"), words


def test_the_example_that_is_shipped_says_what_its_comments_say():
    profile = Profile.load(EXAMPLE)
    assert profile.shot_code(0, "upper body, three-quarter front") == "3Q"
    assert profile.shot_code(0, "full body, left side") == "SIDE"
    assert profile.shot_code(0, "full body, right side") == "SIDE"
    names = ("legs, front", "upper body, front", "full body, front")
    tops = profile.excludes("Tops", "T-shirts", asks(names))
    trousers = profile.excludes("Bottoms", "Trousers", asks(names))
    assert tops.tolist() == [True, False, False]
    assert trousers.tolist() == [False, True, False]
    assert len(profile.waivers) == 1


def test_the_corrections_of_the_example_are_sound(tmp_path):
    _, text = EXAMPLE.read_text(encoding="utf-8").split("undoes it.\n")
    lines = [line.removeprefix("# ") for line in text.splitlines()]
    profile = load(tmp_path, "\n".join(lines))
    assert [one.action for one in profile.corrections] == ["rename", "merge", "hide"]


def test_waivers_by_pattern_and_id_until_a_day(tmp_path):
    profile = load(
        tmp_path,
        '[[waivers]]\nproduct_id = "A"\npose = "*back"\nuntil = 2026-03-01\n'
        '[[waivers]]\nproduct_id = "B"\npose = 9\nreason = "made to order"\n',
    )
    ids = pa.array(["B", "C", "A"])
    none = [-1, -1, -1]
    first = profile.waived(ids, asks(), TODAY)
    assert first.tolist() == [[-1, -1, 1], none, [-1, 0, -1]]
    later = profile.waived(ids, asks(), TODAY + datetime.timedelta(days=1))
    assert later.tolist() == [[-1, -1, 1], none, none]


def test_of_several_waivers_the_first_that_holds_counts_and_vain_ones_are_told(tmp_path):
    profile = load(
        tmp_path,
        '[[waivers]]\nproduct_id = "A"\npose = "*back"\nuntil = 2026-02-01\nby = "past"\n'
        '[[waivers]]\nproduct_id = "A"\npose = "upper*"\nby = "M. Rossi"\nreason = "sold out"\n'
        '[[waivers]]\nproduct_id = "A"\npose = "*"\nby = "all"\n'
        '[[waivers]]\nproduct_id = "B"\npose = "*bakc"\n',
    )
    assert profile.waived(pa.array(["A"]), asks(), TODAY).tolist() == [[2, 1, 2]]
    assert (profile.waivers[1].by, profile.waivers[1].reason) == ("M. Rossi", "sold out")
    (line,) = profile.meaningless(asks())
    assert "B" in line
    assert "*bakc" in line


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("shot_codes = 3", r"\[shot_codes\] must be a section"),
        ('[shot_codes]\n"*" = 3', "must be a text"),
        ('[not_applicable]\nTrousers = "upper*"', "must be a list of pose names"),
        ("[not_applicable]\nTrousers = [true]", "must be a list of pose names or pose_ids"),
        ("[shots]\n", "unknown section shots"),
        ('[[waivers]]\nproduct_id = "A"', "needs product_id and pose"),
        ('[[waivers]]\nproduct_id = "A"\npose = true', "a name pattern or a pose_id"),
        ('[[waivers]]\nproduct_id = "A"\npose = 1\nuntil = "soon"', "must be a date"),
        ('[[waivers]]\nproduct_id = "A"\npose = 1\nunitl = 2026-01-01', "unknown key unitl"),
        ('[[waivers]]\nproduct_id = "A"\npose = 1\nby = 7', "a waiver's by must be a text"),
        ('[waivers]\nproduct_id = "A"', r"own \[\[waivers\]\]"),
        ("[", "cannot read the shot profile"),
    ],
)
def test_mistakes_are_told(tmp_path, text, says):
    with pytest.raises(UnposedError, match=says):
        load(tmp_path, text)


def test_a_missing_file_is_told(tmp_path):
    with pytest.raises(UnposedError, match="no shot profile"):
        Profile.load(tmp_path / "none.toml")
