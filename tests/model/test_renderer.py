"""Rasterising, shading and portraits: against loops, closed forms and gradients by hand."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from ecoface_model.core.head_file import read_head
from ecoface_model.flame import FlameHead
from ecoface_model.renderer.light import light_reach, to_srgb
from ecoface_model.renderer.portrait import Portrait
from ecoface_model.renderer.raster import (
    Camera,
    barycentric,
    depth_buffer,
    interpolate,
    rasterise,
    vertex_normals,
    visible_faces,
)
from ecoface_model.renderer.surface import EYE, LONGEST_EDGE, surface_of


def random_scene(seed: int, n_faces: int = 40) -> tuple[torch.Tensor, torch.Tensor]:
    """Two frames of loose triangles of many sizes, some partly outside a picture of 24 x 32."""
    generator = torch.Generator().manual_seed(seed)
    centres = torch.rand(2, n_faces, 1, 2, generator=generator) * torch.tensor([36.0, 28.0]) - 2
    reach = 10 ** (torch.rand(2, n_faces, 1, 1, generator=generator) * 2 - 0.6)
    corners = centres + reach * torch.randn(2, n_faces, 3, 2, generator=generator)
    depth = 1 + torch.rand(2, n_faces, 3, 1, generator=generator)
    return torch.cat([corners, depth], -1).reshape(2, -1, 3), torch.arange(3 * n_faces).reshape(-1, 3)


def rasterise_by_hand(screen: np.ndarray, faces: np.ndarray, height: int, width: int, cull: bool) -> tuple:
    """One pixel at a time, in double precision; also how near to any edge the pixel's centre lies."""
    corners = screen[faces].astype(float)  # (F, 3, 3)
    size = np.maximum(np.linalg.norm(np.ptp(corners[..., :2], axis=1), axis=1), 1e-9)
    face, edge = -np.ones((height, width), int), np.empty((height, width))
    for y, x in np.ndindex(height, width):
        (ax, ay), (bx, by), (cx, cy) = (
            corners[:, k, :2].T - np.array([[x + 0.5], [y + 0.5]]) for k in range(3)
        )
        parts = np.stack([bx * cy - by * cx, cx * ay - cy * ax, ax * by - ay * bx], 1)
        weights = parts / parts.sum(1, keepdims=True)
        inside = (weights > 0).all(1) & (parts.sum(1) < 0 if cull else True)
        near = np.where(inside, (weights / corners[..., 2]).sum(1), 0.0)
        face[y, x] = near.argmax() if inside.any() else -1
        edge[y, x] = (np.abs(parts).min(1) / size).min()
    return face, edge


@pytest.mark.parametrize("cull", [False, True])
def test_visible_faces_equal_a_loop_over_pixels_and_faces(cull):
    screen, faces = random_scene(0)
    found = visible_faces(screen, faces, (24, 32), cull).numpy()
    for frame in range(2):
        wanted, edge = rasterise_by_hand(screen[frame].numpy(), faces.numpy(), 24, 32, cull)
        clear = edge > 1e-3  # a pixel's centre on an edge may go to either side
        assert clear.mean() > 0.9
        np.testing.assert_array_equal(found[frame][clear], wanted[clear])


def test_triangles_that_share_edges_leave_no_gap_and_no_overlap():
    """A fan and a grid through pixel centres: every pixel is owned by exactly one triangle."""
    steps = torch.arange(0, 9.0) * 2 + 0.5
    grid = torch.stack(torch.meshgrid(steps, steps, indexing="xy"), -1).reshape(-1, 2)
    screen = torch.cat([grid, torch.ones(81, 1)], -1)[None]
    corner = (torch.arange(8)[:, None] * 9 + torch.arange(8)).flatten()
    faces = torch.cat(
        [torch.stack([corner, corner + 9, corner + 10], 1), torch.stack([corner, corner + 10, corner + 1], 1)]
    )
    together = (visible_faces(screen, faces, (20, 20)) >= 0).int()[0]
    alone = sum((visible_faces(screen, face[None], (20, 20)) >= 0).int()[0] for face in faces)
    assert torch.equal(together, alone)
    assert together[:16, :16].all() and together.sum() == 16 * 16


def test_depth_buffer_holds_the_inverse_distance_of_a_slanted_plane():
    camera = Camera(100.0, (16.0, 16.0), (0.0, 0.0, 2.0))
    corners = torch.tensor([[-1.0, -1, -0.5], [1, -1, 0.5], [1, 1, 0.5], [-1, 1, -0.5]])  # z = x / 2
    depth = depth_buffer(camera.project(corners)[None], torch.tensor([[0, 1, 2], [0, 2, 3]]), (32, 32))
    slope = (torch.arange(32) + 0.5 - 16) / 100  # x / distance
    distance = 2 / (1 + slope / 2)  # 2 - z = 2 - slope * distance / 2
    torch.testing.assert_close(1 / depth[0], distance.expand(32, 32), rtol=1e-5, atol=1e-5)


def test_interpolation_is_correct_in_perspective():
    """Positions interpolated over a slanted plane lie on the rays of their pixels."""
    camera = Camera(80.0, (16.0, 16.0), (0.0, 0.0, 2.0))
    corners = torch.tensor([[-1.0, -1, 1.0], [1, -1, -1.0], [1, 1, -1.0], [-1, 1, 1.0]])[None]
    faces = torch.tensor([[0, 1, 2], [0, 2, 3]])
    face, weights = rasterise(camera.project(corners), faces, (32, 32))
    assert (face >= 0).all()
    torch.testing.assert_close(weights.sum(-1), torch.ones(1, 32, 32))
    seen = camera.project(interpolate(corners, faces, face, weights))
    pixel = torch.arange(32) + 0.5
    torch.testing.assert_close(seen[0, ..., 0], pixel.expand(32, 32), rtol=0, atol=1e-3)
    torch.testing.assert_close(seen[0, ..., 1], pixel[:, None].expand(32, 32), rtol=0, atol=1e-3)


def test_the_nearer_of_two_triangles_is_seen_whatever_their_order():
    near = torch.tensor([[0.0, 0, 1], [0, 8, 1], [8, 0, 1]])
    screen = torch.cat([near, near + torch.tensor([0, 0, 1.0])])[None]
    faces = torch.tensor([[0, 1, 2], [3, 4, 5]])
    assert visible_faces(screen, faces, (8, 8))[0, 2, 2] == 0
    assert visible_faces(screen, faces.flip(0), (8, 8))[0, 2, 2] == 1


def test_an_empty_view_is_empty():
    screen = torch.tensor([[[100.0, 100, 1], [100, 110, 1], [110, 100, 1]]])
    face, weights = rasterise(screen, torch.tensor([[0, 1, 2]]), (8, 8))
    assert (face == -1).all() and (weights == 0).all()


def test_barycentric_gradient_equals_finite_differences():
    triangles = torch.tensor([[[1.0, 1, 1.2], [2, 9, 1.5], [9, 2, 1.1]]], dtype=torch.float64)
    point = torch.tensor([[3.2, 4.1]], dtype=torch.float64)
    assert torch.autograd.gradcheck(lambda corners: barycentric(corners, point), triangles.requires_grad_())


def test_interpolation_gives_gradient_to_the_attributes_it_mixes():
    screen, faces = random_scene(1, 8)
    face, weights = rasterise(screen, faces, (24, 32))
    attributes = torch.randn(2, 24, 3, dtype=torch.float64, requires_grad=True)
    picture = interpolate(attributes, faces, face, weights.double())
    assert (picture[face < 0] == 0).all()
    picture.sum().backward()
    wanted = torch.zeros(2, 24, dtype=torch.float64)
    for frame, row, column in (face >= 0).nonzero():
        wanted[frame, faces[face[frame, row, column]]] += weights[frame, row, column].double()
    torch.testing.assert_close(attributes.grad, wanted[..., None].expand(-1, -1, 3))


def test_normals_of_a_sphere_point_outwards_and_have_gradient():
    n = 24
    polar, turn = torch.meshgrid(
        torch.linspace(0.2, 2.9, n), torch.arange(n) * 2 * torch.pi / n, indexing="ij"
    )
    points = torch.stack([polar.sin() * turn.sin(), polar.cos(), polar.sin() * turn.cos()], -1)
    vertices = points.reshape(1, -1, 3).requires_grad_()
    ring = torch.arange(n)
    a = (torch.arange(n - 1)[:, None] * n + ring).flatten()
    b = (torch.arange(n - 1)[:, None] * n + (ring + 1) % n).flatten()
    faces = torch.cat([torch.stack([a, a + n, b], 1), torch.stack([b, a + n, b + n], 1)])
    normals = vertex_normals(vertices, faces)
    inner = slice(n, -n)
    assert (normals * vertices)[0, inner].sum(-1).min() > 0.99
    normals.sum().backward()
    assert torch.isfinite(vertices.grad).all() and vertices.grad.abs().max() > 0


@pytest.fixture(scope="module")
def portrait() -> Portrait:
    return Portrait(read_head(), (160, 128))


def motions(frames: int) -> torch.Tensor:
    motion = 0.5 * torch.randn(frames, 53, generator=torch.Generator().manual_seed(0))
    motion[:, 50:] = 0
    motion[:, 50] = torch.linspace(0, 0.25, frames)
    return motion


def test_refinement_keeps_the_heads_vertices_and_shortens_its_edges():
    file = read_head()
    surface = surface_of(file, torch.device("cpu"))
    rest = torch.from_numpy(file.v_template)[None]
    fine = surface.refine(rest)
    assert torch.equal(fine[:, : rest.shape[1]], rest)
    assert len(surface.colour) == len(surface.gaze) == fine.shape[1] > rest.shape[1]
    assert len(surface.kind) == len(surface.faces)

    def longest(points: torch.Tensor, faces: torch.Tensor) -> torch.Tensor:
        return (points[0, faces] - points[0, faces.roll(1, 1)]).norm(dim=-1).quantile(0.99)

    assert longest(fine, surface.faces) < 1.3 * LONGEST_EDGE
    assert longest(fine, surface.faces) < longest(rest, torch.from_numpy(file.faces).long())


def test_refinement_opens_no_gaps():
    """An edge that two faces shared is still shared by two, or its halves are."""
    file = read_head()
    surface = surface_of(file, torch.device("cpu"))

    def open_edges(faces: np.ndarray) -> int:
        edges = np.sort(np.stack([faces, np.roll(faces, -1, 1)], -1).reshape(-1, 2), 1)
        return int((np.unique(edges, axis=0, return_counts=True)[1] == 1).sum())

    halves = surface.faces.numpy()
    assert open_edges(file.faces) <= open_edges(halves) <= 4 * open_edges(file.faces)
    area = [
        np.linalg.norm(np.cross(p[f[:, 1]] - p[f[:, 0]], p[f[:, 2]] - p[f[:, 0]]), axis=1).sum()
        for p, f in (
            (file.v_template, file.faces),
            (surface.refine(torch.from_numpy(file.v_template)[None])[0].numpy(), halves),
        )
    ]
    assert area[1] == pytest.approx(area[0], rel=0.03)


def test_light_is_kept_off_by_what_stands_before_it():
    """A wall between a small patch and one side of the sky."""
    patch = torch.tensor([[-0.01, 0, -0.01], [0.01, 0, -0.01], [0.01, 0, 0.01], [-0.01, 0, 0.01]])
    wall = torch.tensor([[-0.05, -0.05, 0.02], [0.05, -0.05, 0.02], [0.05, 0.05, 0.02], [-0.05, 0.05, 0.02]])
    square = torch.tensor([[0, 2, 1], [0, 3, 2]])
    facing = torch.tensor([[0, 1, 2], [0, 2, 3], [2, 1, 0], [3, 2, 0]])
    far = torch.tensor([[0.2, 0.2, 0.2], [-0.2, -0.2, -0.2], [0.2, -0.2, 0.2]])  # widens the view
    free = light_reach(torch.cat([patch, far]), square)
    shaded = light_reach(torch.cat([patch, wall, far]), torch.cat([square, facing + 4]))
    assert free[:4].min() > 0.95
    assert shaded[:4, 0].max() < 0.2  # the key stands before the head, beyond the wall
    assert shaded[:4, -1].max() < 0.8


def test_srgb_equals_the_standards_formula():
    linear = torch.linspace(0, 1, 101)[:, None].expand(-1, 3)
    wanted = np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055) * 255
    np.testing.assert_allclose(to_srgb(linear), wanted, atol=1e-3)


def test_a_portrait_shows_skin_in_the_middle_and_the_wall_around(portrait):
    head = FlameHead.from_file(read_head())
    picture = portrait.render(head.vertices(torch.zeros(1, 53)))
    assert picture.shape == (1, 160, 128, 3) and picture.dtype == torch.uint8
    red, green, blue = picture[0, 55:60, 60:68].float().mean((0, 1))  # between the brows
    assert red > green > blue and red > 120
    corner = picture[0, :8, :8].float().mean((0, 1))
    assert corner.max() - corner.min() < 25 and corner.max() < 140


def test_frames_are_drawn_alike_alone_and_together(portrait):
    head = FlameHead.from_file(read_head())
    vertices = head.vertices(motions(3))
    together = portrait.render(vertices)
    alone = torch.cat([portrait.render(vertices[k : k + 1]) for k in range(3)])
    assert torch.equal(together, alone)


def test_an_open_mouth_is_darker_than_skin_and_a_blink_hides_the_eyes(portrait):
    file = read_head()
    head = FlameHead.from_file(file)
    motion = torch.zeros(3, 53)
    motion[1] = 0.7 * torch.from_numpy(file.arkit_coefficients[file.arkit_names.index("jawOpen")])
    for side in ("Left", "Right"):
        unit = file.arkit_coefficients[file.arkit_names.index(f"eyeBlink{side}")]
        motion[2] += 0.7 * torch.from_numpy(unit)
    vertices = head.vertices(motion)
    pictures = portrait.render(vertices).float().mean(-1)
    middle = portrait.camera.project(head.landmarks(motion))[1, [62, 66]].mean(0)
    column, row = int(middle[0] / 2), int(middle[1] / 2)
    assert pictures[1, row - 2 : row + 3, column].mean() < 0.7 * pictures[1, 55:60, 60:68].mean()
    surface = portrait.surface
    screen = portrait.camera.project(surface.refine(vertices))
    size = (2 * portrait.size[0], 2 * portrait.size[1])
    face = visible_faces(screen, surface.faces, size)
    seen = [(surface.kind[frame[frame >= 0]] == EYE).sum() for frame in face]
    assert seen[2] < 0.1 * seen[0] and seen[0] > 50


def test_a_head_of_bare_skin_is_drawn_too():
    """Such as a FLAME file without its companions: no materials, masks, landmarks or UVs."""
    file = read_head()
    bare = replace(
        file,
        material_names=("skin",),
        material=np.zeros_like(file.material),
        masks={name: np.zeros(0, np.int32) for name in file.masks},
        landmark_faces=np.zeros(0, np.int32),
        landmark_barycentric=np.zeros((0, 3), np.float32),
        uv=np.zeros((0, 2), np.float32),
        uv_faces=np.zeros((0, 3), np.int32),
        vertex_colors=np.full_like(file.v_template, 0.4),
    )
    picture = Portrait(bare, (80, 64)).render(torch.from_numpy(file.v_template)[None])
    assert picture[0, 30:50, 26:38].float().mean() > 90
