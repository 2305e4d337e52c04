"""The coverage of a video as a picture: a circle seen from above, the camera below it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from unposed_jobs.orientation import circle

_SIDE, _INNER, _OUTER = 200, 34.0, 84.0


def coverage_svg(coverage: Sequence[float], filled: Sequence[str] = ()) -> str:
    """An SVG of 72 seconds (`choice.coverage`); the bins named in `filled` have a dot.

    The front is below, towards the camera, and the person's right side on the left, as one sees a
    person who faces one. The longer an angle was seen, the farther out the area reaches.
    """
    seconds = np.asarray(coverage, np.float64)
    most = float(seconds.max()) if len(seconds) else 0.0
    reach = np.sqrt(seconds / most) if most > 0 else np.zeros(circle.CELLS)
    points = " ".join(
        _at(angle, _INNER + (_OUTER - _INNER) * share)
        for angle, share in zip(circle.MIDDLES, reach, strict=True)
    )
    marks = []
    for number, name in enumerate(circle.NAMES):
        x, y = _at(number * circle.BIN, _OUTER + 7).split(",")
        kind = "filled" if name in filled else "empty"
        fill = "#1a7f5a" if name in filled else "none"
        marks.append(
            f'<circle class="{kind}" cx="{x}" cy="{y}" r="4" fill="{fill}" stroke="#1a7f5a"/>'
        )
    seen = ", ".join(name.replace("_", " ") for name in filled) or "none"
    middle = _SIDE // 2
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_SIDE} {_SIDE}" role="img" '
        f'aria-label="Angles with a good frame: {seen}">'
        f'<circle cx="{middle}" cy="{middle}" r="{_OUTER:g}" fill="none" stroke="#c9ced6"/>'
        f'<polygon points="{points}" fill="#7db8e8" fill-opacity=".6" stroke="#2f6fa8"/>'
        f'<circle cx="{middle}" cy="{middle}" r="{_INNER:g}" fill="#fff" stroke="#c9ced6"/>'
        f'<path d="M{middle - 6} {middle + 16}h12l-6 9z" fill="#2f6fa8"/>'
        f"{''.join(marks)}</svg>"
    )


def _at(angle: float, radius: float) -> str:
    turn = np.deg2rad(angle)
    middle = _SIDE / 2
    return f"{middle - radius * np.sin(turn):.1f},{middle + radius * np.cos(turn):.1f}"
