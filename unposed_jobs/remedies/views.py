"""Which sides a pose class usually shows: a crop of another side is not offered for it.

Classes are learned without labels, and those of chests or legs hardly tell a quarter turn. The
pictures of a class do tell, by their landmarks, which side most of them show.
"""

from __future__ import annotations

from collections.abc import Iterable

LEAST = 0.5
"""Of the pictures with a class's commonest side: with fewer a side is not one of the class's."""


def usual(counted: Iterable[tuple[int, str, int]]) -> set[tuple[int, str]]:
    """The (pose_id, side) that are usual, of (pose_id, side, pictures) of a catalogue.

    >>> sorted(usual([(1, "front", 8), (1, "three_quarter", 3), (2, "left", 5), (2, "right", 4)]))
    [(1, 'front'), (2, 'left'), (2, 'right')]
    """
    by_pose: dict[int, dict[str, int]] = {}
    for pose_id, side, pictures in counted:
        sides = by_pose.setdefault(pose_id, {})
        sides[side] = sides.get(side, 0) + pictures
    return {
        (pose_id, side)
        for pose_id, sides in by_pose.items()
        for side, pictures in sides.items()
        if pictures >= LEAST * max(sides.values())
    }
