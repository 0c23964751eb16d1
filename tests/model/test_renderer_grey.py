"""Grey faces: against loops over pixels and triangles, finite differences and the whole head."""

import numpy as np
import pytest
import torch
from fake_cuda import CUDA, WithoutCudaBuild, move, on_fake_cuda
from torch._subclasses.fake_tensor import FakeTensorMode

from ecoface_model.core.head_file import FlameFile, read_head
from ecoface_model.flame import FlameHead
from ecoface_model.renderer.camera import LIGHT_ANGLE
from ecoface_model.renderer.grey import GreyFaces, grey_camera, grey_faces
from ecoface_model.renderer.pictures import GreyPictures
from ecoface_model.renderer.pytorch3d import INSTALLED, SAME_PICTURE, to_ndc, visible_faces_pytorch3d
from ecoface_model.renderer.raster import Camera, visible_faces


@pytest.fixture(scope="module")
def file() -> FlameFile:
    return read_head()


@pytest.fixture(scope="module")
def head(file) -> FlameHead:
    return FlameHead.from_file(file)


@pytest.fixture(scope="module")
def drawer(head) -> GreyFaces:
    return GreyFaces(head, 64)


def performed(file: FlameFile, frames: int, density: float, seed: int = 0) -> torch.Tensor:
    """Motions (1, frames, 53) that mix ARKit's units at weights up to 1.2."""
    generator = torch.Generator().manual_seed(seed)
    weights = 1.2 * torch.rand(frames, len(file.arkit_names), generator=generator)
    weights *= torch.rand(weights.shape, generator=generator) < density
    motion = weights @ torch.from_numpy(file.arkit_coefficients)
    motion[:, 50:].clamp_(-0.5, 0.5)
    return motion[None]


def grey_by_hand(vertices: np.ndarray, faces: np.ndarray, camera: Camera, size: int) -> np.ndarray:
    """Triangle by triangle and pixel by pixel, in double precision."""
    normals = np.zeros_like(vertices)
    for face in faces:
        a, b, c = vertices[face]
        normals[face] += np.cross(b - a, c - a)
    normals /= np.linalg.norm(normals, axis=1, keepdims=True) + 1e-20
    angle = np.radians(LIGHT_ANGLE)
    lights = [(0, 0)] + [(s * angle, 0) for s in (1, -1)] + [(0, s * angle) for s in (1, -1)]
    shade = np.mean(
        [np.maximum(normals @ [np.sin(x), np.sin(y), np.cos(x) * np.cos(y)], 0) for x, y in lights], 0
    )
    offset = vertices - np.array(camera.position)
    u = camera.centre[0] - camera.focal * offset[:, 0] / offset[:, 2]
    v = camera.centre[1] + camera.focal * offset[:, 1] / offset[:, 2]
    picture, nearest = np.zeros((size, size)), np.full((size, size), np.inf)
    for face in faces:
        x, y, z = u[face], v[face], -offset[face, 2]
        system = np.stack([x, y, np.ones(3)])
        if np.linalg.det(system) >= 0:  # seen from behind, y pointing down
            continue
        columns = range(max(0, int(x.min() - 0.5)), min(size, int(x.max()) + 1))
        for row in range(max(0, int(y.min() - 0.5)), min(size, int(y.max()) + 1)):
            for column in columns:
                flat = np.linalg.solve(system, [column + 0.5, row + 0.5, 1])
                depth = 1 / (flat / z).sum()
                if flat.min() >= 0 and depth < nearest[row, column]:
                    nearest[row, column] = depth
                    picture[row, column] = (flat / z * depth) @ shade[face]
    return picture


def test_silhouettes_and_shading_equal_a_loop_over_triangles_and_pixels(head):
    """On every face of the whole head, a smile that opens the mouth, in a small picture."""
    size = 24
    motion = torch.zeros(1, 53)
    motion[0, :6], motion[0, 50] = torch.tensor([1.0, -1, 0.5, 1, -0.5, 1]), 0.2
    vertices, camera = head.vertices(motion), grey_camera(-0.005, size)
    found = grey_faces(vertices, head.faces, camera, size)[0, 0].numpy()
    wanted = grey_by_hand(vertices[0].double().numpy(), head.faces.numpy(), camera, size)
    assert ((found > 0) == (wanted > 0)).mean() > 0.995
    assert 0.5 < (wanted > 0).mean() < 0.95
    same = np.abs(found - wanted) < 1e-4
    assert same.mean() > 0.99  # a pixel's centre on an edge may go to either side


def test_gradient_to_the_motion_equals_finite_differences_inside_surfaces(head):
    drawer = GreyFaces(head, 48)
    drawer.head = drawer.head.double()
    generator = torch.Generator().manual_seed(1)
    motion = (0.3 * torch.randn(1, 2, 53, generator=generator)).double()
    motion[..., 50:] = torch.tensor([0.1, 0.01, -0.01])
    direction = torch.randn(motion.shape, generator=generator).double()
    step = 1e-5

    def seen(at: torch.Tensor) -> torch.Tensor:
        screen = drawer.camera.project(drawer.head.vertices(at[0]))
        return visible_faces(screen, drawer.head.faces, (48, 48))

    with torch.no_grad():
        ahead, back = drawer(motion + step * direction), drawer(motion - step * direction)
        inside = (seen(motion + step * direction) == seen(motion - step * direction)) & (seen(motion) >= 0)
    assert inside.float().mean() > 0.5
    inside = inside[None, :, None]
    weights = torch.randn(ahead.shape, generator=generator).double() * inside
    motion.requires_grad_()
    (drawer(motion) * weights).sum().backward()
    found = (motion.grad * direction).sum()
    wanted = ((ahead - back) * weights).sum() / (2 * step)
    torch.testing.assert_close(found, wanted, rtol=1e-4, atol=1e-4)


def test_gradient_knows_that_surfaces_move_and_not_only_that_they_turn():
    """A slanted wall of fixed normals that slides sideways: its shade changes by its place alone."""
    corners = torch.tensor([[-0.5, -0.5, 0], [0.5, -0.5, 0], [0.5, 0.5, 0], [-0.5, 0.5, 0]])
    ends = torch.tensor([[-0.5, -0.5, -1.0], [0.5, -0.5, -2.0]])  # two more faces bend the normals below
    faces = torch.tensor([[0, 1, 2], [0, 2, 3], [4, 5, 1], [4, 1, 0]])
    vertices = torch.cat([corners, ends])[None].double()
    slide = torch.zeros(1, dtype=torch.float64, requires_grad=True)
    move_x = torch.tensor([0.0, 1, 0], dtype=torch.float64)
    camera = grey_camera(0.0, 16)

    def middle(by: torch.Tensor) -> torch.Tensor:
        return grey_faces(vertices + by * move_x, faces, camera, 16)[0, 0, 5, 9]

    gradient = torch.autograd.grad(middle(slide), slide)[0]
    wanted = (middle(slide + 1e-5) - middle(slide - 1e-5)) / 2e-5
    assert wanted.abs() > 1e-3
    torch.testing.assert_close(gradient[0], wanted.detach(), rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("size", [64, 128, 256])
def test_what_is_left_out_is_never_seen(file, head, size):
    drawer = GreyFaces(head, size)
    assert len(drawer.head.faces) < len(head.faces)
    motion = torch.cat([performed(file, 6, density) for density in (0.03, 0.1, 0.25)], dim=1)
    whole = grey_faces(head.vertices(motion[0]), head.faces, drawer.camera, size)
    torch.testing.assert_close(drawer(motion)[0], whole, rtol=0, atol=1e-4)  # of sums in float32


def test_a_restricted_head_moves_as_the_whole_one_does(file, head):
    chosen = torch.arange(0, len(head.faces), 7)
    part = head.restricted_to(chosen)
    motion = performed(file, 3, 0.2)
    motion[..., 50] = 0.3
    corners = part.vertices(motion)[..., part.faces, :]
    torch.testing.assert_close(corners, head.vertices(motion)[..., head.faces[chosen], :], rtol=0, atol=1e-6)
    torch.testing.assert_close(part.jaw_joint(), head.jaw_joint())
    assert part.n_vertices < head.n_vertices


def test_frames_are_drawn_alike_alone_and_together_with_and_without_gradient(file, head):
    """In double precision: in single, vertices differ by 1.5e-8 m, and small triangles of lips by 2e-5."""
    drawer = GreyFaces(head, 64).double()
    motion = performed(file, 20, 0.1).double().reshape(2, 10, 53).requires_grad_()
    together = drawer(motion)
    assert together.shape == (2, 10, 1, 64, 64) and together.requires_grad
    with torch.no_grad():
        alone = torch.stack([drawer(motion[b : b + 1, t : t + 1])[0, 0] for b in range(2) for t in range(10)])
    torch.testing.assert_close(together.flatten(0, 1).detach(), alone, rtol=0, atol=1e-9)


def test_gradient_goes_to_the_frame_that_was_changed_alone(file, drawer):
    motion = performed(file, 10, 0.1).requires_grad_()
    drawer(motion)[0, 3].square().mean().backward()
    touched = motion.grad.abs().sum(-1)[0] > 0
    assert touched.nonzero().flatten().tolist() == [3]


def test_a_larger_grey_picture_shows_the_same(file, head):
    motion = performed(file, 1, 0.1)
    small, large = GreyFaces(head, 64)(motion)[0], GreyFaces(head, 256)(motion)[0]
    assert (torch.nn.functional.avg_pool2d(large, 4) - small).abs().mean() < 0.02
    assert small.min() == 0 and small.max() <= 1


def test_chin_and_brows_are_in_the_picture_at_rest(head, drawer):
    landmarks = drawer.camera.project(head.landmarks(torch.zeros(1, 53)))[0, 17:, :2]
    chin = drawer.camera.project(head.landmarks(torch.zeros(1, 53)))[0, 8, 1]
    assert landmarks.min() > 4 and landmarks.max() < 60 and 50 < chin < 62


class CountedByHand(WithoutCudaBuild):
    """Gives sizes to what depends on numbers, which fake tensors do not have."""

    def __torch_function__(self, function, types, args=(), kwargs=None):
        if function is torch.Tensor.nonzero:
            return args[0].new_zeros((7, args[0].ndim), dtype=torch.int64)
        if function is torch.Tensor.new_tensor:  # it asks a CUDA build for the device
            return args[0].new_zeros(np.shape(args[1]))
        if function is torch.repeat_interleave:
            return args[0].new_zeros(11, dtype=torch.int64)
        return super().__torch_function__(function, types, args, kwargs)


def test_everything_stays_on_the_device_of_the_motion(head):
    mode = FakeTensorMode()
    drawer = move(GreyFaces(head, 64), mode)
    motion = on_fake_cuda(torch.zeros(1, 10, 53), mode)
    with mode, CountedByHand():
        pictures = drawer(motion)
        again = drawer._draw_again(motion[0], visible_on(drawer, motion[0]))
    assert pictures.device == again.device == CUDA and pictures.shape == (1, 10, 1, 64, 64)


def visible_on(drawer: GreyFaces, motion: torch.Tensor) -> torch.Tensor:
    face = motion.new_zeros((len(motion), 64, 64), dtype=torch.int64)
    assert face.device == drawer.head.faces.device
    return face


def test_pytorch3ds_coordinates_of_pixel_centres_equal_its_formula():
    """-1 + (2 i + 1) / S counted from the right and from below; the longer side reaches beyond 1."""
    height, width = 4, 6
    for row in range(height):
        for column in range(width):
            x, y, z = to_ndc(torch.tensor([column + 0.5, row + 0.5, 2.0]), (height, width)).tolist()
            assert y == pytest.approx(-1 + (2 * (height - 1 - row) + 1) / height)
            assert x == pytest.approx((-1 + (2 * (width - 1 - column) + 1) / width) * width / height)
            assert z == 2


@pytest.mark.skipif(not INSTALLED, reason="PyTorch3D is not installed")
@pytest.mark.parametrize("size", [(64, 64), (48, 80)])
def test_pytorch3d_sees_the_same_faces(file, head, size):
    vertices = head.vertices(performed(file, 3, 0.1)[0])
    screen = grey_camera(-0.005, 64).project(vertices)
    ours, theirs = (by(screen, head.faces, size) for by in (visible_faces, visible_faces_pytorch3d))
    assert (ours != theirs).float().mean() <= SAME_PICTURE


def test_pictures_in_numpy_are_the_pictures_in_torch():
    file = read_head()
    motion = np.random.default_rng(0).standard_normal((20, 53)).astype(np.float32)
    motion[:, 50:] *= 0.1
    motion[:, 50] = np.abs(motion[:, 50])
    for size in (64, 96):
        drawn = GreyPictures(file, size).draw(motion)
        with torch.no_grad():
            expected = GreyFaces(FlameHead.from_file(file), size)(torch.from_numpy(motion)[None])[0, :, 0]
        apart = np.abs(drawn - expected.numpy())
        assert (apart > 1e-3).mean() < 0.002 and (expected.numpy() > 0).mean() > 0.3
    assert GreyPictures(file, 64).draw(motion[:0]).shape == (0, 64, 64)
