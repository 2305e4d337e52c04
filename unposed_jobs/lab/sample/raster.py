# ruff: noqa: PLR0917, PLR0915, RUF046 - kernels take flat arrays, and numba wants the int()
"""The picture-making kernels: a triangle z-buffer, and shading with a shadow map.

Compiled by numba, once for each machine (the compiled code is kept beside the module). Colours
are 8-bit sRGB in textures, squared to light while shading and rooted again at the end.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numba import njit

_OPTIONS: dict[str, Any] = {"cache": True, "fastmath": True, "nogil": True, "error_model": "numpy"}


@njit(**_OPTIONS)
def draw(screen, nearness, triangles, closed, depth, owner):
    """Draw triangles into a z-buffer; the nearest wins.

    screen (V, 2) float32 in pixels; nearness (V,) float32, larger is nearer and linear on the
    screen (1/distance in perspective, -distance in a parallel view); triangles (T, 3) int32;
    closed (T,) uint8, 1 where the back need not be drawn; depth (H, W) float32 and owner (H, W)
    int32 are written.
    """
    height, width = depth.shape
    for t in range(triangles.shape[0]):
        a, b, c = triangles[t, 0], triangles[t, 1], triangles[t, 2]
        ax, ay, bx, by = screen[a, 0], screen[a, 1], screen[b, 0], screen[b, 1]
        cx, cy = screen[c, 0], screen[c, 1]
        area = (bx - ax) * (cy - ay) - (by - ay) * (cx - ax)
        if area == 0.0 or (closed[t] and area < 0.0):
            continue
        left = max(int(math.ceil(min(ax, bx, cx) - 0.5)), 0)
        right = min(int(math.floor(max(ax, bx, cx) - 0.5)), width - 1)
        top = max(int(math.ceil(min(ay, by, cy) - 0.5)), 0)
        bottom = min(int(math.floor(max(ay, by, cy) - 0.5)), height - 1)
        if left > right or top > bottom:
            continue
        inverse = np.float32(1.0) / area
        # Barycentric weights of b and c are linear on the screen; step them along the row.
        wb_x, wb_y = (cy - ay) * inverse, -(cx - ax) * inverse
        wc_x, wc_y = -(by - ay) * inverse, (bx - ax) * inverse
        za, zb, zc = nearness[a], nearness[b] - nearness[a], nearness[c] - nearness[a]
        for y in range(top, bottom + 1):
            dy = np.float32(y) + np.float32(0.5) - ay
            dx = np.float32(left) + np.float32(0.5) - ax
            wb = wb_x * dx + wb_y * dy
            wc = wc_x * dx + wc_y * dy
            for x in range(left, right + 1):
                if wb >= 0.0 and wc >= 0.0 and wb + wc <= 1.0:
                    z = za + wb * zb + wc * zc
                    if z > depth[y, x]:
                        depth[y, x] = z
                        owner[y, x] = t
                wb += wb_x
                wc += wc_x


@njit(**_OPTIONS)
def _shadow(shadow, x, y, near, spread):
    """Share of light that reaches a point, by a 5×5 sparse look-up in the shadow map."""
    height, width = shadow.shape
    lit = np.float32(0.0)
    for j in range(-1, 2):
        for i in range(-1, 2):
            u = int(x + i * spread)
            v = int(y + j * spread)
            if u < 0 or v < 0 or u >= width or v >= height or shadow[v, u] <= near:
                lit += np.float32(1.0)
    return lit / np.float32(9.0)


@njit(**_OPTIONS)
def shade(
    depth, owner, supersampling, screen, nearness, triangles, positions, normals, uv,
    surface_of, texture_of, textures, texture_table, materials,
    eye, key, key_colour, sky, ground, rim, shadow, to_shadow, shadow_depth, strength,
    background, out,
):  # fmt: skip
    """Shade the z-buffer into `out` (h, w, 3) float32 light, over `background` of that shape.

    Each pixel has supersampling² samples; those of one surface share one shading. materials
    (M, 4): specular strength, exponent, wrap of light, redness of the shade (skin).
    """
    height, width = out.shape[0], out.shape[1]
    samples = supersampling * supersampling
    for py in range(height):
        for px in range(width):
            red, green, blue = np.float32(0.0), np.float32(0.0), np.float32(0.0)
            last_surface = -1
            last_depth = np.float32(0.0)
            lr, lg, lb = np.float32(0.0), np.float32(0.0), np.float32(0.0)
            empty = 0
            for s in range(samples):
                sy = py * supersampling + s // supersampling
                sx = px * supersampling + s % supersampling
                t = owner[sy, sx]
                if t < 0:
                    empty += 1
                    continue
                a, b, c = triangles[t, 0], triangles[t, 1], triangles[t, 2]
                own = surface_of[a]
                near = depth[sy, sx]
                if own == last_surface and abs(near - last_depth) < np.float32(0.02) * near:
                    red += lr
                    green += lg
                    blue += lb
                    continue
                ax, ay = screen[a, 0], screen[a, 1]
                bx, by = screen[b, 0] - ax, screen[b, 1] - ay
                cx, cy = screen[c, 0] - ax, screen[c, 1] - ay
                inverse = np.float32(1.0) / (bx * cy - by * cx)
                dx = np.float32(sx) + np.float32(0.5) - ax
                dy = np.float32(sy) + np.float32(0.5) - ay
                wb = (cy * dx - cx * dy) * inverse
                wc = (bx * dy - by * dx) * inverse
                scale = np.float32(1.0) / near
                wa = (np.float32(1.0) - wb - wc) * nearness[a] * scale
                wb = wb * nearness[b] * scale
                wc = wc * nearness[c] * scale
                x = wa * positions[a, 0] + wb * positions[b, 0] + wc * positions[c, 0]
                y = wa * positions[a, 1] + wb * positions[b, 1] + wc * positions[c, 1]
                z = wa * positions[a, 2] + wb * positions[b, 2] + wc * positions[c, 2]
                nx = wa * normals[a, 0] + wb * normals[b, 0] + wc * normals[c, 0]
                ny = wa * normals[a, 1] + wb * normals[b, 1] + wc * normals[c, 1]
                nz = wa * normals[a, 2] + wb * normals[b, 2] + wc * normals[c, 2]
                u = wa * uv[a, 0] + wb * uv[b, 0] + wc * uv[c, 0]
                v = wa * uv[a, 1] + wb * uv[b, 1] + wc * uv[c, 1]
                length = np.float32(1.0) / math.sqrt(nx * nx + ny * ny + nz * nz + 1e-12)
                vx, vy, vz = eye[0] - x, eye[1] - y, eye[2] - z
                view = np.float32(1.0) / math.sqrt(vx * vx + vy * vy + vz * vz)
                vx, vy, vz = vx * view, vy * view, vz * view
                if inverse > 0.0:  # the grids' own normals look inwards
                    length = -length
                nx, ny, nz = nx * length, ny * length, nz * length

                # Texture, bilinear, repeated at its borders.
                which = texture_of[own]
                start = texture_table[which, 0]
                th, tw = texture_table[which, 1], texture_table[which, 2]
                fx = (u - math.floor(u)) * tw - np.float32(0.5)
                fy = (v - math.floor(v)) * th - np.float32(0.5)
                ix, iy = int(math.floor(fx)), int(math.floor(fy))
                fx -= ix
                fy -= iy
                ix0, ix1 = (ix + tw) % tw, (ix + 1) % tw
                iy0, iy1 = (iy + th) % th, (iy + 1) % th
                p00 = start + (iy0 * tw + ix0) * 3
                p01 = start + (iy0 * tw + ix1) * 3
                p10 = start + (iy1 * tw + ix0) * 3
                p11 = start + (iy1 * tw + ix1) * 3
                w00 = (1 - fx) * (1 - fy)
                w01 = fx * (1 - fy)
                w10 = (1 - fx) * fy
                w11 = fx * fy
                unit = np.float32(1.0 / 255.0)
                cr = unit * (
                    w00 * textures[p00] + w01 * textures[p01]
                    + w10 * textures[p10] + w11 * textures[p11]
                )  # fmt: skip
                cg = unit * (
                    w00 * textures[p00 + 1] + w01 * textures[p01 + 1]
                    + w10 * textures[p10 + 1] + w11 * textures[p11 + 1]
                )  # fmt: skip
                cb = unit * (
                    w00 * textures[p00 + 2] + w01 * textures[p01 + 2]
                    + w10 * textures[p10 + 2] + w11 * textures[p11 + 2]
                )  # fmt: skip
                cr, cg, cb = cr * cr, cg * cg, cb * cb

                # Light: key with shadow, sky and ground, a rim from behind, a highlight.
                wrap = materials[own, 2]
                facing = nx * key[0] + ny * key[1] + nz * key[2]
                diffuse = max((facing + wrap) / (np.float32(1.0) + wrap), np.float32(0.0))
                ox, oy, oz = x + nx * 0.012, y + ny * 0.012, z + nz * 0.012
                u = to_shadow[0, 0] * ox + to_shadow[0, 1] * oy + to_shadow[0, 2] * oz
                u += to_shadow[0, 3]
                v = to_shadow[1, 0] * ox + to_shadow[1, 1] * oy + to_shadow[1, 2] * oz
                v += to_shadow[1, 3]
                far = shadow_depth[0] * ox + shadow_depth[1] * oy + shadow_depth[2] * oz
                lit = _shadow(shadow, u, v, far + np.float32(0.008), np.float32(1.6))
                lit = np.float32(1.0) - strength * (np.float32(1.0) - lit)
                diffuse *= lit
                up = np.float32(0.5) + np.float32(0.5) * ny
                facing_eye = max(nx * vx + ny * vy + nz * vz, np.float32(0.0))
                # The closer to the outline, the less of the room a fold of cloth can see.
                open_sky = np.float32(0.62) + np.float32(0.38) * facing_eye
                edge = np.float32(1.0) - facing_eye
                edge = edge * edge * edge
                back = max(nx * rim[0] + ny * rim[1] + nz * rim[2], np.float32(0.0))
                hx, hy, hz = key[0] + vx, key[1] + vy, key[2] + vz
                half = np.float32(1.0) / math.sqrt(hx * hx + hy * hy + hz * hz + 1e-12)
                gloss = max((nx * hx + ny * hy + nz * hz) * half, np.float32(0.0))
                gloss = materials[own, 0] * gloss ** materials[own, 1] * lit
                soft = materials[own, 3] * diffuse * (np.float32(1.0) - diffuse)
                glow = rim[3] * back * edge + gloss
                light = key_colour[0] * (diffuse + soft)
                light += open_sky * (ground[0] + (sky[0] - ground[0]) * up)
                lr = cr * light + glow * key_colour[0]
                light = key_colour[1] * diffuse
                light += open_sky * (ground[1] + (sky[1] - ground[1]) * up)
                lg = cg * light + glow * key_colour[1]
                light = key_colour[2] * (diffuse - np.float32(0.3) * soft)
                light += open_sky * (ground[2] + (sky[2] - ground[2]) * up)
                lb = cb * light + glow * key_colour[2]
                last_surface = own
                last_depth = near
                red += lr
                green += lg
                blue += lb
            share = np.float32(1.0) / samples
            out[py, px, 0] = (red + empty * background[py, px, 0]) * share
            out[py, px, 1] = (green + empty * background[py, px, 1]) * share
            out[py, px, 2] = (blue + empty * background[py, px, 2]) * share


@njit(**_OPTIONS)
def develop(light, noise, grain, out):
    """Light (h, w, 3) float32 to 8-bit colour with a soft shoulder and a little grain."""
    height, width, _ = light.shape
    size = noise.shape[0]
    for y in range(height):
        for x in range(width):
            speck = noise[y % size, (x + (y // size) * 37) % size] * grain
            for channel in range(3):
                value = light[y, x, channel]
                if value > np.float32(0.8):  # roll highlights off instead of clipping them
                    value = np.float32(0.8) + np.float32(0.2) * (
                        np.float32(1.0) - math.exp(-(value - np.float32(0.8)) * np.float32(5.0))
                    )
                level = math.sqrt(max(value, np.float32(0.0))) * np.float32(255.0) + speck
                out[y, x, channel] = np.uint8(min(max(level + 0.5, 0.0), 255.0))
