"""The painted cloth of a garment: plackets, buttons, pockets, prints, cuffs and seams."""

from __future__ import annotations

from PIL import Image

from unposed_jobs.lab.sample.garments import BOTTOM, TOP, Garment
from unposed_jobs.lab.sample.textures import Colour, Panel, cloth, shade


def painted(garment: Garment) -> dict[str, Image.Image]:
    """The garment's painted cloth, by material name."""
    g = garment
    dark, light = shade(g.colour, 0.72), shade(g.colour, 1.18)
    if g.kind == "trousers":
        return _trouser_textures(g, dark)
    trunk = Panel(cloth(g.pattern, g.colour, g.second, 1.0, TOP - BOTTOM, seed=g.seed))
    _trunk_details(trunk, g, dark)
    sleeve = Panel(cloth(g.pattern, g.colour, g.second, 0.34, 0.66, seed=g.seed + 1))
    end = 0.30 if g.sleeve == "short" else 0.66
    if g.kind == "polo" or g.style == "bomber jacket":
        sleeve.fill(-0.2, end - 0.028, 0.2, end, light if sum(g.colour) < 380 else dark)
    elif g.sleeve == "long":
        sleeve.strip(-0.2, end - 0.055, 0.2, end, 0.88)
        sleeve.line([(-0.2, end - 0.055), (0.2, end - 0.055)], dark, 0.003)
    else:
        sleeve.line([(-0.2, end - 0.018), (0.2, end - 0.018)], dark, 0.002)
    plain = g.collar in ("crew", "v", "band", "polo")
    collar = cloth(
        "rib" if plain else g.pattern,
        shade(g.colour, 0.88) if g.collar != "band" else dark,
        g.second, 0.6, 0.2, seed=g.seed + 2,
    )  # fmt: skip
    result = {g.kind: trunk.image, f"{g.kind}_sleeve": sleeve.image, f"{g.kind}_collar": collar}
    if g.kind == "dress":
        skirt = Panel(cloth(g.pattern, g.colour, g.second, 1.2, 1.09 - g.hem, seed=g.seed + 3))
        skirt.line([(-0.6, 1.06 - g.hem), (0.6, 1.06 - g.hem)], dark, 0.003)
        if g.collar == "shirt":
            skirt.strip(-0.019, 0, 0.019, 1.0, 0.93)
            for step in range(7):
                skirt.button(0, 0.06 + 0.09 * step, _button(g))
        result["dress_skirt"] = skirt.image
    return result


def _button(g: Garment) -> Colour:
    return (240, 236, 226) if sum(g.colour) < 420 else shade(g.colour, 0.45)


def _trunk_details(trunk: Panel, g: Garment, dark: Colour) -> None:
    """Hem, print, placket with buttons, pocket, belt."""
    hem = (TOP - g.hem) if g.kind != "dress" else 0.49
    button = _button(g)
    trunk.line([(-0.5, hem - 0.018), (0.5, hem - 0.018)], dark, 0.002)
    if g.emblem >= 0:
        trunk.emblem(g.emblem, 0.32, g.second, 0.085)
    if g.collar == "polo":
        trunk.strip(-0.017, 0.07, 0.017, 0.235, 0.9)
        trunk.outline([(-0.017, 0.07), (0.017, 0.07), (0.017, 0.235), (-0.017, 0.235)], dark, 0.002)
        for y in (0.115, 0.16, 0.205):
            trunk.button(0, y, button)
    if g.collar == "shirt":
        trunk.strip(-0.019, 0.06, 0.019, 0.80, 0.93)
        for x in (-0.019, 0.019):
            trunk.line([(x, 0.06), (x, 0.80)], dark, 0.0022)
        for step in range(9):
            trunk.button(0, 0.11 + 0.082 * step, button)
    if g.pocket and g.kind in ("shirt", "tshirt", "polo") and g.emblem < 0:
        pocket = [(0.06, 0.25), (0.15, 0.25), (0.15, 0.345), (0.105, 0.36), (0.06, 0.345)]
        trunk.outline(pocket, dark, 0.003)
        trunk.line([(0.06, 0.265), (0.15, 0.265)], dark, 0.002)
    if g.kind == "jacket":
        _jacket_details(trunk, g, dark, button)
    if g.kind == "dress" and g.style in ("A-line dress", "shirt dress"):
        trunk.fill(-0.5, 0.455, 0.5, 0.50, shade(g.second, 0.8))


def _jacket_details(trunk: Panel, g: Garment, dark: Colour, button: Colour) -> None:
    for sign in (-1, 1):
        x0, x1 = sorted((sign * 0.07, sign * 0.17))
        if g.style == "blazer":
            trunk.strip(x0, 0.47, x1, 0.505, 0.8)
            trunk.line([(x0, 0.47), (x1, 0.47)], dark, 0.003)
        elif g.style == "trucker jacket":
            trunk.outline([(x0, 0.24), (x1, 0.24), (x1, 0.28), ((x0 + x1) / 2, 0.30), (x0, 0.28)],
                          dark, 0.003)  # fmt: skip
            trunk.line([(sign * 0.10, 0.30), (sign * 0.06, 0.66)], dark, 0.003)
        else:
            trunk.line([(sign * 0.09, 0.50), (sign * 0.15, 0.58)], dark, 0.006)
    if g.style == "blazer":
        for y in (0.42, 0.51):
            trunk.button(0.022, y, shade(button, 0.8), 0.010)
    elif g.style == "bomber jacket":
        trunk.fill(-0.007, 0.05, 0.007, 0.80, (150, 150, 154))
        trunk.line([(0, 0.05), (0, 0.80)], (80, 80, 84), 0.003)
        trunk.fill(-0.5, 0.655, 0.5, 0.78, shade(g.colour, 0.7))


def _trouser_textures(g: Garment, dark: Colour) -> dict[str, Image.Image]:
    seat = Panel(cloth(g.pattern, g.colour, g.second, 1.0, 0.25, seed=g.seed))
    seat.strip(-0.5, 0.0, 0.5, 0.038, 0.86)
    seat.line([(-0.5, 0.038), (0.5, 0.038)], dark, 0.003)
    for x in (-0.4, -0.27, -0.1, 0.1, 0.27, 0.4):
        seat.fill(x - 0.004, 0.0, x + 0.004, 0.042, dark)
    seat.line([(0.0, 0.038), (0.0, 0.16), (-0.004, 0.25)], dark, 0.003)
    seat.line([(0.022, 0.04), (0.022, 0.13), (0.0, 0.165)], dark, 0.0022)
    for sign in (-1, 1):
        seat.line([(sign * 0.10, 0.04), (sign * 0.19, 0.14)], dark, 0.0035)
        x0, x1 = sorted((sign * 0.30, sign * 0.43))
        seat.outline([(x0, 0.09), (x1, 0.09), (x1, 0.19), ((x0 + x1) / 2, 0.215), (x0, 0.19)],
                     dark, 0.003)  # fmt: skip
    seat.button(0.0, 0.019, (176, 150, 100), 0.008)
    leg = Panel(cloth(g.pattern, g.colour, g.second, 0.46, 0.82, seed=g.seed + 1))
    for x in (-0.115, 0.115):
        leg.line([(x, 0.0), (x, 0.82)], dark, 0.003)
    if g.pattern not in ("denim",):
        leg.line([(0.0, 0.12), (0.0, 0.80)], shade(g.colour, 1.10), 0.003)
    leg.line([(-0.23, 0.795), (0.23, 0.795)], dark, 0.003)
    return {"trousers": seat.image, "trousers_leg": leg.image}
