"""Heads as people see them: coloured, lit, anti-aliased portraits for previews.

Visibility is found at twice the resolution; light is worked out once a pixel, and for all four samples only
where outlines, materials or eyes ask for it.
"""

from typing import NamedTuple

import torch
from jaxtyping import Float, Int, UInt8
from torch import Tensor
from torch.nn import functional

from ecoface_model.core.constants import LOWER_INNER, UPPER_INNER
from ecoface_model.core.head_file import FlameFile
from ecoface_model.renderer.details import brow_colour, eye_colour, hair_grain
from ecoface_model.renderer.light import LIGHTS, irradiance, light_reach, rolled_off, to_srgb
from ecoface_model.renderer.raster import (
    Camera,
    barycentric,
    gather_corners,
    vertex_normals,
    visible_faces,
    visible_faces_and_depth,
)
from ecoface_model.renderer.surface import BROW, EYE, HAIR, LIPS, MOUTH, SKIN, TEETH, TONGUE, surface_of

SIZE = (640, 512)  # pixels, height and width
LENS = 85.0 / 24.0  # focal length over the height of the frame: a portrait lens
MARGIN = 0.07  # of the picture's height, above the head
WALL, DARKNESS = (0.075, 0.083, 0.096), (0.006, 0.002, 0.002)  # linear
HALF_OPEN = 0.0025  # metres between the lips at which half the light gets in
FADE = (0.055, 0.155)  # of the picture's height: where the bust fades in, from its lower edge
TURNED = 0.002  # metres that the crown moves where the neck turns: then the outline is not that at rest
OUTLINE = 0.003  # 1/m: larger steps of 1/z between samples of a pixel are outlines
AT_ONCE = 1  # frames worked on together: more only spoils the processor's cache

GLOSS = {SKIN: 0.14, LIPS: 0.30, TEETH: 0.30, TONGUE: 0.22, MOUTH: 0.10, EYE: 0.0, BROW: 0.0, HAIR: 0.05}
INSIDE_REACH = (0.55, 0.35, 0.0, 0.0, 0.55)  # of the lamps and the sky, behind the lips
LIPS_REACH = (0.10, 0.10, 0.0, 0.0, 0.25)  # at least
GLOSSY_LIGHTS = (0, 1, 2)  # of LIGHTS: key, fill and rim


class _Box(NamedTuple):
    """A part of a picture, in pixels."""

    left: int
    top: int
    right: int
    bottom: int


class Portrait:
    """A head in front of a camera: `render` turns its vertices into pictures."""

    def __init__(
        self, head: FlameFile, size: tuple[int, int] = SIZE, device: torch.device | None = None
    ) -> None:
        self.device = device or torch.device("cpu")
        self.size = size
        self.surface = surface_of(head, self.device)
        self.rest = torch.from_numpy(head.v_template).to(self.device)
        self.crown = int(self.rest[:, 1].argmax())
        rest = self.surface.refine(self.rest[None])
        self.camera = portrait_camera(rest[0], self.surface.faces, (2 * size[0], 2 * size[1]))
        self.inside = torch.zeros(len(self.surface.colour), device=self.device)
        for kind in (TEETH, TONGUE, MOUTH):
            self.inside[self.surface.vertices_of(kind)] = 1.0
        self.reach = self._reach(rest[0])
        self.gloss = self._gloss()
        self.skin = self.surface.colour[self.surface.faces[self.surface.kind == SKIN][:, 0]].median(0).values
        nothing = torch.zeros(1, dtype=torch.uint8, device=self.device)
        self.kind_or_none = torch.cat([nothing, self.surface.kind.to(torch.uint8) + 1])
        self.inner_lips = _inner_lips(head, self.device)
        self.wall, self.hollow, self.fade = self._wall(), self._hollow(rest), self._fade()
        self.empty = (to_srgb(self.wall) + 0.5).to(torch.uint8)[None]

    def render(self, vertices: Float[Tensor, "frames vertices 3"]) -> UInt8[Tensor, "frames height width 3"]:
        """Pictures of the head with its vertices (metres) in these places."""
        parts = torch.split(vertices.to(self.device), AT_ONCE)
        return torch.cat([self._render(part) for part in parts])

    @torch.no_grad()
    def _render(self, coarse: Float[Tensor, "batch coarse 3"]) -> UInt8[Tensor, "batch height width 3"]:
        vertices = self.surface.refine(coarse)
        screen = self.camera.project(vertices)
        box = self._box(screen)
        screen = screen - screen.new_tensor((2 * box.left, 2 * box.top, 0.0))
        size = 2 * (box.bottom - box.top), 2 * (box.right - box.left)  # in samples
        face, nearness = visible_faces_and_depth(screen, self.surface.faces, size)
        sample, share = self._samples(face, nearness)
        seen = face.flatten().index_select(0, sample)
        colour = self._shade(vertices, screen, self._light_inside(coarse), seen, sample, size)
        # pixels are two samples high and wide
        pixel = (sample // (2 * size[1])) * (size[1] // 2) + sample % size[1] // 2
        painted = torch.cat([rolled_off(colour), torch.ones_like(colour[:, :1])], dim=1) * share[:, None]
        picture = torch.zeros(len(coarse) * size[0] * size[1] // 4, 4, device=self.device)
        picture.index_add_(0, pixel, painted)
        head = picture.reshape(len(coarse), size[0] // 2, size[1] // 2, 4)
        turned = (coarse[:, self.crown] - self.rest[self.crown]).abs().amax() > TURNED
        return self._before_wall(head, box, self._hollow(vertices) if turned else self.hollow)

    def _box(self, screen: Float[Tensor, "batch vertices 3"]) -> "_Box":
        """The part of the picture that the head takes."""
        low, high = (screen[..., :2].flatten(0, 1) / 2).aminmax(dim=0)
        left, top = (max(0, int(edge)) for edge in low.tolist())
        right, bottom = (int(edge) + 1 for edge in high.tolist())
        return _Box(left, top, min(right, self.size[1]), min(bottom, self.size[0]))

    def _before_wall(
        self,
        head: Float[Tensor, "batch rows columns 4"],
        box: "_Box",
        hollow: Float[Tensor, "height width 1"],
    ) -> UInt8[Tensor, "batch height width 3"]:
        """The head's box, colour and cover, set into the picture."""
        rows, columns = slice(box.top, box.bottom), slice(box.left, box.right)
        hollow, fade, wall = hollow[rows, columns], self.fade[rows], self.wall[rows, columns]
        gaps = (1 - head[..., 3:]) * hollow
        shown = (head[..., :3] + gaps * head.new_tensor(DARKNESS)) * fade
        shown = shown + wall * (1 - (head[..., 3:] + gaps) * fade)
        picture = self.empty.repeat(len(head), 1, 1, 1)
        picture[:, rows, columns] = (to_srgb(shown) + 0.5).to(torch.uint8)
        return picture

    def _samples(
        self, face: Int[Tensor, "batch rows columns"], nearness: Float[Tensor, "batch rows columns"]
    ) -> tuple[Int[Tensor, "samples"], Float[Tensor, "samples"]]:
        """Flat indices of the samples to shade, and their shares of their pixels."""
        kind = self.kind_or_none.index_select(0, face.flatten() + 1).reshape(face.shape)
        kinds, depths = _of_pixel(kind), _of_pixel(nearness)
        low = torch.minimum(torch.minimum(depths[0], depths[1]), torch.minimum(depths[2], depths[3]))
        high = torch.maximum(torch.maximum(depths[0], depths[1]), torch.maximum(depths[2], depths[3]))
        fine = high - low > OUTLINE
        for other in kinds[1:]:
            fine |= kinds[0] != other
        fine |= (kinds[0] == EYE + 1) | (kinds[0] == BROW + 1)
        covered = kind > 0
        batch, rows, columns = fine.shape
        wide = fine[:, :, None, :, None].expand(-1, -1, 2, -1, 2).reshape(batch, 2 * rows, 2 * columns)
        chosen = wide.clone()
        chosen[:, ::2, ::2] = True
        sample = (chosen & covered).flatten().nonzero()[:, 0]
        share = torch.where(wide.flatten().index_select(0, sample), 0.25, 1.0)
        return sample, share

    def _shade(
        self,
        vertices: Float[Tensor, "batch vertices 3"],
        screen: Float[Tensor, "batch vertices 3"],
        light_inside: Float[Tensor, "batch 1 1"],
        face: Int[Tensor, "samples"],
        sample: Int[Tensor, "samples"],
        size: tuple[int, int],
    ) -> Float[Tensor, "samples 3"]:
        """Linear colour of each sample."""
        height, width = size
        normals = vertex_normals(vertices, self.surface.faces)
        shade = 1 - self.inside[:, None] * (1 - light_inside)  # (B, V, 1)
        light = irradiance(normals, self.reach) * shade
        gloss = self.gloss * shade
        attributes = torch.cat([light * self.surface.colour, normals, gloss], dim=-1).flatten(0, 1)
        frame = sample // (height * width)
        corners = self.surface.faces.index_select(0, face) + (frame * vertices.shape[1])[:, None]
        points = torch.stack([sample % width, sample // width % height], dim=-1).to(screen.dtype) + 0.5
        triangles = screen.flatten(0, 1).index_select(0, corners.flatten()).reshape(-1, 3, 3)
        weights = barycentric(triangles, points)
        seen = gather_corners(attributes, corners, weights)  # (N, 9)
        colour = seen[:, :3] + _shine(seen[:, 3:6], seen[:, 6:])
        self._paint(colour, torch.cat([light, normals], dim=-1).flatten(0, 1), face, corners, weights)
        return colour

    def _paint(
        self,
        colour: Float[Tensor, "samples 3"],
        arriving: Float[Tensor, "all 6"],
        face: Int[Tensor, "samples"],
        corners: Int[Tensor, "samples 3"],
        weights: Float[Tensor, "samples 3"],
    ) -> None:
        """Colour, in place, what has finer detail than the mesh: eyes, brows and hair."""
        surface, kind = self.surface, self.surface.kind.index_select(0, face)
        for what in (EYE, BROW, HAIR):
            chosen = (kind == what).nonzero()[:, 0]
            if len(chosen) == 0:
                continue
            share, here = weights[chosen], surface.faces.index_select(0, face[chosen])
            if what == HAIR:
                colour[chosen] *= hair_grain(gather_corners(surface.rest, here, share))
                continue
            light = gather_corners(arriving, corners[chosen], share)
            if what == EYE:
                gaze = gather_corners(surface.gaze, here, share)
                reach = gather_corners(self.reach, here, share)
                painted = eye_colour(light[:, :3], light[:, 3:], gaze, reach, surface.iris_angle)
            else:
                painted = brow_colour(light[:, :3], gather_corners(surface.strokes, here, share), self.skin)
            colour[chosen] = painted

    def _gloss(self) -> Float[Tensor, "vertices lights"]:
        """How strongly each vertex mirrors the key, fill and rim light, their shadows included."""
        amount = self.surface.lips * (GLOSS[LIPS] - GLOSS[SKIN]) + GLOSS[SKIN]
        for kind in (TEETH, TONGUE, MOUTH, EYE, BROW, HAIR):
            amount[self.surface.vertices_of(kind)] = GLOSS[kind]
        return amount[:, None] * self.reach[:, list(GLOSSY_LIGHTS)]

    def _reach(self, rest: Float[Tensor, "vertices 3"]) -> Float[Tensor, "vertices lights"]:
        """Light that reaches each vertex at rest; inside the mouth, that of an open mouth."""
        reach = light_reach(rest, self.surface.faces)
        reach[self.inside > 0] = reach.new_tensor(INSIDE_REACH)
        # lips that touch at rest part in speech
        return torch.maximum(reach, self.surface.lips[:, None] * reach.new_tensor(LIPS_REACH))

    def _wall(self) -> Float[Tensor, "height width 3"]:
        """A lit studio wall, as shown."""
        height, width = self.size
        y = torch.linspace(-1, 1, height, device=self.device)[:, None]
        x = torch.linspace(-1, 1, width, device=self.device)[None] * (width / height)
        glow = torch.exp(-(((x - 0.1) / 0.95) ** 2 + ((y + 0.05) / 1.05) ** 2))
        return rolled_off(torch.tensor(WALL, device=self.device) * (0.5 + 2.1 * glow[..., None]))

    def _hollow(self, rest: Float[Tensor, "1 vertices 3"]) -> Float[Tensor, "height width 1"]:
        """1 well within the head's outline, where gaps of the mesh show darkness and not the wall."""
        screen = self.camera.project(rest)
        screen = torch.cat([screen[..., :2] / 2, screen[..., 2:]], dim=-1)
        outside = visible_faces(screen, self.surface.faces.flip(1), self.size) < 0  # (1, H, W), from behind
        return 1 - functional.max_pool2d(outside.float(), 17, 1, 8)[0, ..., None]

    def _fade(self) -> Float[Tensor, "height 1 1"]:
        """How much of the bust is seen by height: its lower end fades into the wall."""
        height = self.size[0]
        above = 1 - (torch.arange(height, device=self.device) + 0.5) / height
        share = ((above - FADE[0]) / (FADE[1] - FADE[0])).clamp(0, 1)
        return (share * share * (3 - 2 * share))[:, None, None]

    def _light_inside(self, coarse: Float[Tensor, "batch coarse 3"]) -> Float[Tensor, "batch 1 1"]:
        """Share 0..1 of light that parted lips let into the mouth."""
        if self.inner_lips is None:
            return coarse.new_ones(len(coarse), 1, 1)
        upper, lower = (coarse[:, lip, 1].mean(1) for lip in self.inner_lips)
        gap = (upper - lower).clamp(min=0)
        return (1.2 * gap / (gap + HALF_OPEN)).clamp(max=1)[:, None, None]


def _inner_lips(head: FlameFile, device: torch.device) -> tuple[Tensor, Tensor] | None:
    """Vertices at the middle of the upper and of the lower inner lip."""
    if not head.has_landmarks:
        return None
    corners = torch.from_numpy(head.faces[head.landmark_faces].astype("int64")).to(device)  # (68, 3)
    return corners[UPPER_INNER].flatten(), corners[LOWER_INNER].flatten()


def _of_pixel(samples: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """The four samples of every pixel, as four pictures."""
    return samples[:, ::2, ::2], samples[:, ::2, 1::2], samples[:, 1::2, ::2], samples[:, 1::2, 1::2]


def _shine(
    normals: Float[Tensor, "samples 3"], gloss: Float[Tensor, "samples 3"]
) -> Float[Tensor, "samples 3"]:
    """Light mirrored by skin: a broad and a narrow lobe (Blinn-Phong) of each glossy light."""
    viewer = normals.new_tensor((0.0, 0.0, 1.0))
    lamps = torch.stack([LIGHTS[k].towards(normals) for k in GLOSSY_LIGHTS])
    halfway = functional.normalize(lamps + viewer, dim=-1)
    colours = normals.new_tensor([LIGHTS[k].colour for k in GLOSSY_LIGHTS])
    broad = (normals @ halfway.mT).clamp(0, 1) ** 12
    narrow = broad * broad
    narrow = narrow * narrow
    return (gloss * (0.55 * broad + 0.75 * narrow)) @ colours


def portrait_camera(
    rest: Float[Tensor, "vertices 3"], faces: Int[Tensor, "faces 3"], size: tuple[int, int]
) -> Camera:
    """A camera before the face: the head in full with a margin above it, down to the end of the neck."""
    low, high = rest.amin(0), rest.amax(0)
    top, bottom = float(high[1]), _neck_end(rest, faces)
    tall = (top - bottom) / (1 - MARGIN)
    middle = bottom + tall / 2
    face = float(rest[:, 2].quantile(0.9))
    position = (float(low[0] + high[0]) / 2, middle, face + tall * LENS)
    focal = LENS * size[0]
    return Camera(focal, (size[1] / 2, size[0] / 2), position)


def _neck_end(rest: Float[Tensor, "vertices 3"], faces: Int[Tensor, "faces 3"]) -> float:
    """Lowest height to show: of the open rim's sides, which the fade hides, or of a closed mesh's end."""
    edges = torch.stack([faces, faces.roll(-1, 1)], dim=-1).reshape(-1, 2).sort(dim=1).values
    unique, count = torch.unique(edges, dim=0, return_counts=True)
    rim = rest[unique[count == 1].flatten(), 1]
    low, high = float(rest[:, 1].amin()), float(rest[:, 1].amax())
    rim = rim[rim < low + 0.25 * (high - low)]
    return float(rim.median()) if len(rim) else low
