"""Meshes -> pixels, in plain torch: which face covers a pixel, and attributes interpolated with gradient.

`rasterise` finds the visible face of every pixel without gradient; `barycentric` and `interpolate` carry
gradient from pixels to vertices. Grey faces for the visual encoder (Eq. 11) are drawn in `grey.py`,
the coloured portrait of the previews in `portrait.py`.

Screen coordinates: x to the right and y down, in pixels, the centre of the first pixel at (0.5, 0.5);
z is the distance in metres along the viewing axis and must be positive.
"""

from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn import functional

from ecoface_model.renderer.camera import Pinhole


class Camera(Pinhole):
    """The same for PyTorch's tensors."""

    def project(self, vertices: Float[Tensor, "*batch 3"]) -> Float[Tensor, "*batch 3"]:
        """Screen coordinates of points in the head's frame."""
        return torch.stack(self.on_screen(*vertices.unbind(-1)), dim=-1)


def vertex_normals(
    vertices: Float[Tensor, "batch vertices 3"], faces: Int[Tensor, "faces 3"]
) -> Float[Tensor, "batch vertices 3"]:
    """Unit normals, the mean of the faces around each vertex weighted by area."""
    a, b, c = (vertices.index_select(1, faces[:, k]) for k in range(3))  # (B, F, 3)
    normal = torch.linalg.cross(b - a, c - a)
    total = torch.zeros_like(vertices)
    for k in range(3):
        total = total.index_add(1, faces[:, k], normal)
    return functional.normalize(total, dim=-1, eps=1e-12)


@torch.no_grad()
def visible_faces(
    screen: Float[Tensor, "batch vertices 3"],
    faces: Int[Tensor, "faces 3"],
    size: tuple[int, int],
    cull: bool = True,
) -> Int[Tensor, "batch height width"]:
    """Index of the nearest face at each pixel's centre, -1 where there is none.

    Every triangle is cut into rows and every row into its pixels, all at once; the nearest wins by a
    scattered maximum. A pixel on an edge that two triangles share belongs to exactly one of them.

    Args:
        size: height and width in pixels.
        cull: leave out faces seen from behind (anticlockwise seen from outside is the front).
    """
    return visible_faces_and_depth(screen, faces, size, cull)[0]


@torch.no_grad()
def visible_faces_and_depth(
    screen: Float[Tensor, "batch vertices 3"],
    faces: Int[Tensor, "faces 3"],
    size: tuple[int, int],
    cull: bool = True,
) -> tuple[Int[Tensor, "batch height width"], Float[Tensor, "batch height width"]]:
    """`visible_faces` and `depth_buffer` in one."""
    hits = _hits(screen, faces, size, cull)
    nearest = _nearest(hits, len(screen), size)
    # face indices below 2**24 are exact in float32, whose scattered maximum every device has
    face = torch.where(hits.nearness == nearest.index_select(0, hits.pixel), hits.face, 0.0)
    winner = torch.zeros_like(nearest).scatter_reduce_(0, hits.pixel, face, "amax")
    shape = (len(screen), *size)
    return winner.long().sub_(1).reshape(shape), nearest.reshape(shape)


@torch.no_grad()
def depth_buffer(
    screen: Float[Tensor, "batch vertices 3"], faces: Int[Tensor, "faces 3"], size: tuple[int, int]
) -> Float[Tensor, "batch height width"]:
    """1/z of the nearest front face at each pixel's centre, 0 where there is none: a shadow map."""
    return _nearest(_hits(screen, faces, size, True), len(screen), size).reshape(len(screen), *size)


@dataclass(frozen=True)
class _Hits:
    """Every meeting of a face with a pixel's centre: flat pixel index, 1/z, and the face's index plus one."""

    pixel: Tensor
    nearness: Tensor
    face: Tensor


def _hits(screen: Tensor, faces: Tensor, size: tuple[int, int], cull: bool) -> _Hits:
    height, width = size
    triangles = screen.index_select(1, faces.flatten()).reshape(-1, 3, 3)  # (B F, 3, 3)
    rows = _rows(triangles, fronts(triangles, height, width, cull), height, width)
    n_pixels = rows.n_pixels.int()  # half the memory to move
    of_row = torch.repeat_interleave(n_pixels)  # (N,)
    before = n_pixels.cumsum(0, dtype=torch.int32) - n_pixels
    step = torch.arange(len(of_row), dtype=torch.int32, device=screen.device)
    step -= before.index_select(0, of_row)
    first_pixel = (rows.triangle // len(faces) * height + rows.y) * width + rows.x
    face = (rows.triangle % len(faces) + 1).to(screen.dtype)
    start, slope, face = (row.index_select(0, of_row) for row in (rows.start, rows.slope, face))
    pixel = first_pixel.index_select(0, of_row).add_(step)
    return _Hits(pixel, torch.addcmul(start, slope, step.to(slope.dtype)), face)


def _nearest(hits: _Hits, batch: int, size: tuple[int, int]) -> Tensor:
    empty = hits.nearness.new_zeros(batch * size[0] * size[1])
    return empty.scatter_reduce_(0, hits.pixel, hits.nearness, "amax")


def fronts(
    triangles: Float[Tensor, "triangles 3 3"], height: int, width: int, cull: bool
) -> Int[Tensor, "fronts"]:
    """Triangles that can be seen: in the picture, in front of the camera, turned towards it."""
    a, b, c = triangles.unbind(1)  # (n, 3)
    low, high = a.minimum(b).minimum(c), a.maximum(b).maximum(c)  # several times faster than amin, amax
    seen = (low[:, 2] > 0) & (high[:, 0] > 0) & (high[:, 1] > 0) & (low[:, 0] < width) & (low[:, 1] < height)
    area = _area(triangles)
    seen &= area < 0 if cull else area != 0  # y points down, so anticlockwise turns negative
    holds_centre = (low[:, :2] - 0.5).ceil() < (high[:, :2] - 0.5).ceil()
    return (seen & holds_centre.all(1)).nonzero()[:, 0]


def _area(triangles: Float[Tensor, "*n 3 3"]) -> Float[Tensor, "*n"]:
    """Twice the signed area on the screen."""
    u, v = triangles[..., 1, :2] - triangles[..., 0, :2], triangles[..., 2, :2] - triangles[..., 0, :2]
    return u[..., 0] * v[..., 1] - u[..., 1] * v[..., 0]


@dataclass(frozen=True)
class _Rows:
    """The rows of pixels that triangles cover; `start` and `slope` give 1/z along a row."""

    triangle: Tensor
    x: Tensor
    y: Tensor
    n_pixels: Tensor
    start: Tensor
    slope: Tensor


def _rows(
    triangles: Float[Tensor, "triangles 3 3"], chosen: Int[Tensor, "fronts"], height: int, width: int
) -> _Rows:
    """Cut the chosen triangles into rows of pixels."""
    corners = triangles.index_select(0, chosen)
    y = corners[..., 1]
    first = (y.amin(1) - 0.5).ceil().clamp(0, height).long()
    last = (y.amax(1) - 0.5).ceil().clamp(0, height).long()
    count = last - first
    of_triangle = torch.repeat_interleave(count)  # (R,)
    order = torch.arange(len(of_triangle), device=corners.device)
    row = order - (count.cumsum(0) - count - first).index_select(0, of_triangle)
    centre = row.to(corners.dtype) + 0.5
    low, high = _span(corners, of_triangle, centre)
    x = (low - 0.5).ceil().clamp(0, width)
    n_pixels = ((high - 0.5).ceil().clamp(0, width) - x).clamp(min=0).long()
    start, slope = _nearness(corners, of_triangle, x + 0.5, centre)
    kept = n_pixels.nonzero()[:, 0]
    fields = chosen.index_select(0, of_triangle), x.long(), row, n_pixels, start, slope
    return _Rows(*(field.index_select(0, kept) for field in fields))


def _span(
    corners: Float[Tensor, "fronts 3 3"], of_triangle: Int[Tensor, "rows"], y: Float[Tensor, "rows"]
) -> tuple[Float[Tensor, "rows"], Float[Tensor, "rows"]]:
    """Where each row enters and leaves its triangle.

    Edges run from their upper to their lower end, so two triangles compute the same bits for an edge they
    share, and half-open intervals leave neither gap nor overlap.
    """
    low = torch.full_like(y, torch.inf)
    high = torch.full_like(y, -torch.inf)
    for k in range(3):
        a, b = corners[:, k, :2], corners[:, (k + 1) % 3, :2]
        down = (a[:, 1:] <= b[:, 1:]).to(a.dtype)
        upper, lower = a * down + b * (1 - down), b * down + a * (1 - down)
        run = (lower[:, 0] - upper[:, 0]) / (lower[:, 1] - upper[:, 1])
        edge = torch.stack([upper[:, 0], upper[:, 1], lower[:, 1], run]).index_select(1, of_triangle)
        x = edge[0] + (y - edge[1]) * edge[3]
        crosses = (edge[1] <= y) & (y < edge[2])
        low = torch.where(crosses, torch.minimum(low, x), low)
        high = torch.where(crosses, torch.maximum(high, x), high)
    return low, high


def _nearness(
    corners: Float[Tensor, "fronts 3 3"],
    of_triangle: Int[Tensor, "rows"],
    x: Float[Tensor, "rows"],
    y: Float[Tensor, "rows"],
) -> tuple[Float[Tensor, "rows"], Float[Tensor, "rows"]]:
    """1/z at the first pixel of each row and its change per pixel; it is affine on the screen."""
    inverse = 1.0 / corners[..., 2]
    u, v = corners[:, 1, :2] - corners[:, 0, :2], corners[:, 2, :2] - corners[:, 0, :2]
    du, dv = inverse[:, 1] - inverse[:, 0], inverse[:, 2] - inverse[:, 0]
    area = _area(corners)
    slope_x, slope_y = (du * v[:, 1] - dv * u[:, 1]) / area, (dv * u[:, 0] - du * v[:, 0]) / area
    plane = torch.stack([inverse[:, 0], corners[:, 0, 0], corners[:, 0, 1], slope_x, slope_y])
    plane = plane.index_select(1, of_triangle)
    return plane[0] + plane[3] * (x - plane[1]) + plane[4] * (y - plane[2]), plane[3]


def barycentric(
    triangles: Float[Tensor, "pixels 3 3"], points: Float[Tensor, "pixels 2"]
) -> Float[Tensor, "pixels 3"]:
    """Weights of a screen triangle's corners at a point, corrected for perspective; they sum to 1.

    Has gradient to the triangle's corners.
    """
    a, b, c = (triangles[:, k, :2] - points for k in range(3))
    inside = torch.stack([_cross(b, c), _cross(c, a), _cross(a, b)], dim=-1)
    # rounding lets a centre on an edge fall outside by a hair
    inside = (inside * inside.sum(-1, keepdim=True).sign()).clamp(min=0)
    weighted = inside / triangles[:, :, 2]
    return weighted / weighted.sum(-1, keepdim=True).clamp(min=1e-20)


def _cross(u: Float[Tensor, "*n 2"], v: Float[Tensor, "*n 2"]) -> Float[Tensor, "*n"]:
    return u[..., 0] * v[..., 1] - u[..., 1] * v[..., 0]


@torch.no_grad()
def rasterise(
    screen: Float[Tensor, "batch vertices 3"],
    faces: Int[Tensor, "faces 3"],
    size: tuple[int, int],
    cull: bool = True,
) -> tuple[Int[Tensor, "batch height width"], Float[Tensor, "batch height width 3"]]:
    """Visible face (-1 for none) and its barycentric weights (0 where none) at every pixel's centre."""
    face = visible_faces(screen, faces, size, cull)
    weights = screen.new_zeros(*face.shape, 3)
    frame, row, column = (face >= 0).nonzero(as_tuple=True)
    triangles = screen[frame[:, None], faces[face[frame, row, column]]]  # (N, 3, 3)
    points = torch.stack([column, row], dim=-1).to(screen.dtype) + 0.5
    weights[frame, row, column] = barycentric(triangles, points)
    return face, weights


def interpolate(
    attributes: Float[Tensor, "batch vertices channels"],
    faces: Int[Tensor, "faces 3"],
    face: Int[Tensor, "batch height width"],
    weights: Float[Tensor, "batch height width 3"],
) -> Float[Tensor, "batch height width channels"]:
    """Vertex attributes at every pixel of `rasterise`, 0 where no face is; has gradient to them."""
    frame, row, column = (face >= 0).nonzero(as_tuple=True)
    corners = faces[face[frame, row, column]] + frame[:, None] * attributes.shape[1]  # (N, 3)
    values = gather_corners(attributes.flatten(0, 1), corners, weights[frame, row, column])
    picture = attributes.new_zeros(*face.shape, attributes.shape[-1])
    return picture.index_put((frame, row, column), values)


def gather_corners(
    attributes: Float[Tensor, "vertices channels"],
    corners: Int[Tensor, "pixels 3"],
    weights: Float[Tensor, "pixels 3"],
) -> Float[Tensor, "pixels channels"]:
    """Weighted sum of three vertices' attributes for each pixel."""
    return functional.embedding_bag(corners, attributes, per_sample_weights=weights, mode="sum")
