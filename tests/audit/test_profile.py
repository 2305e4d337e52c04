import datetime

import numpy as np
import pyarrow as pa
import pytest

from unposed_jobs.audit.profile import Profile
from unposed_jobs.errors import UnposedError

NAMES = ("full body, front", "upper body, back", "size chart")
TODAY = datetime.date(2026, 3, 1)


def load(tmp_path, text):
    path = tmp_path / "profile.toml"
    path.write_text(text, encoding="utf-8")
    return Profile.load(path)


def test_no_path_is_the_empty_profile():
    profile = Profile.load("")
    assert profile.shot_code("anything") is None
    assert not profile.excludes("a", "b", NAMES).any()


def test_shot_codes_first_match_wins_without_regard_to_case(tmp_path):
    profile = load(tmp_path, '[shot_codes]\n"*BACK*" = "BACK"\n"upper*" = "TOPS"\n')
    assert profile.shot_code("Upper body, back") == "BACK"
    assert profile.shot_code("upper body, front") == "TOPS"
    assert profile.shot_code("legs") is None


def test_not_applicable_by_category_and_subcategory(tmp_path):
    profile = load(
        tmp_path,
        '[not_applicable]\n"Trousers" = ["upper*"]\n"Clothing/Socks" = ["full*", "size chart"]\n',
    )
    assert profile.excludes("Trousers", "Jeans", NAMES).tolist() == [False, True, False]
    assert profile.excludes("Clothing", "Socks", NAMES).tolist() == [True, False, True]
    assert not profile.excludes("Clothing", None, NAMES).any()
    assert not profile.excludes(None, None, NAMES).any()


def test_waivers_by_pattern_and_id_until_a_day(tmp_path):
    profile = load(
        tmp_path,
        '[[waivers]]\nproduct_id = "A"\npose = "*back"\nuntil = 2026-03-01\n'
        '[[waivers]]\nproduct_id = "B"\npose = 9\nreason = "made to order"\n',
    )
    ids = pa.array(["B", "C", "A"])
    poses = np.array([2, 5, 9], dtype=np.int32)
    first = profile.waived(ids, poses, NAMES, TODAY)
    assert first.tolist() == [[False, False, True], [False] * 3, [False, True, False]]
    later = profile.waived(ids, poses, NAMES, TODAY + datetime.timedelta(days=1))
    assert later.tolist() == [[False, False, True], [False] * 3, [False] * 3]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("shot_codes = 3", r"\[shot_codes\] must be a section"),
        ('[shot_codes]\n"*" = 3', "must be a text"),
        ('[not_applicable]\nTrousers = "upper*"', "must be a list of pose names"),
        ("[shots]\n", "unknown section shots"),
        ('[[waivers]]\nproduct_id = "A"', "needs product_id and pose"),
        ('[[waivers]]\nproduct_id = "A"\npose = true', "a name pattern or a pose_id"),
        ('[[waivers]]\nproduct_id = "A"\npose = 1\nuntil = "soon"', "must be a date"),
        ('[[waivers]]\nproduct_id = "A"\npose = 1\nunitl = 2026-01-01', "unknown key unitl"),
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
