"""The truth that pictures and products are held to."""

from __future__ import annotations

from unposed_jobs.lab.evaluation import truth


def test_one_of_two_sides_of_a_full_set_is_not_all_of_it() -> None:
    full_set = {"front/full", "left/full", "right/full", "left/upper"}
    assert truth._one_sided(full_set, {"left/full", "left/upper"}) == ("full side",)
    assert truth._one_sided(full_set, {"left/full", "right/full"}) == ()
    assert truth._one_sided(full_set, {"front/full"}) == ()  # It has no side at all.
    assert truth._one_sided({"left/full"}, {"left/full"}) == ()
