"""Grey faces, the visual encoder's view of a motion (Sec. 3.2; the last term of Eq. 11 looks through it).

Every pixel's value has gradient to the motion in two ways: through the normals that shade the surface, and
through where the surface lies (the barycentric weights of the pixel's centre in its triangle). There is none
through which triangle a pixel sees: outlines against the black, and edges where one part hides another,
move without telling the gradient.
"""

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn
from torch.nn import functional
from torch.utils.checkpoint import checkpoint

from ecoface_model.core.constants import EXPRESSION_DIM, MOTION_DIM
from ecoface_model.flame import FlameHead
from ecoface_model.renderer.camera import GREY_HEIGHT, GREY_SIZE, grey_lights, grey_view
from ecoface_model.renderer.pytorch3d import visible_faces_best
from ecoface_model.renderer.raster import Camera, barycentric, vertex_normals

FRAMES_AT_ONCE = 8  # bounds the memory, and suits a processor's cache

# How a head is searched for what the camera can see
REACH = 0.02  # metres that an extreme expression moves the vertex it moves furthest
JAW_REACH = 0.6  # radians; talking opens 0.25
N_MIXTURES = 60
TURNED_AWAY = 0.2  # cosine: a face that never comes nearer to facing the camera goes
OUTSIDE = 0.08  # of the picture's edge: a face that never comes nearer to the picture goes


def grey_camera(height: float = GREY_HEIGHT, size: int = GREY_SIZE) -> Camera:
    """The camera of the faces that the visual encoder sees, looking level.

    Args:
        height: metres; the published -0.02 suits FLAME, half way from chin to brows suits any head.
    """
    return Camera(*grey_view(height, size))


def grey_faces(
    vertices: Float[Tensor, "batch vertices 3"], faces: Int[Tensor, "faces 3"], camera: Camera, size: int
) -> Float[Tensor, "batch 1 height width"]:
    """Grey pictures 0..1 of heads on black: Lambert's shade of five lights, smooth over the surface.

    Has gradient to the vertices, but for outlines (see the top of this file).
    """
    screen = camera.project(vertices)
    return _shade(vertices, screen, faces, visible_faces_best(screen, faces, (size, size)))


def _shade(
    vertices: Float[Tensor, "batch vertices 3"],
    screen: Float[Tensor, "batch vertices 3"],
    faces: Int[Tensor, "faces 3"],
    face: Int[Tensor, "batch height width"],
) -> Float[Tensor, "batch 1 height width"]:
    """Grey pictures, the visible face of each pixel being known."""
    shade = (
        (vertex_normals(vertices, faces) @ vertices.new_tensor(grey_lights()).mT).clamp(min=0).mean(-1)
    )  # (B, V)
    pixel = (face.flatten() >= 0).nonzero()[:, 0]  # (N,)
    frame, within = pixel // face[0].numel(), pixel % face[0].numel()
    column, row = within % face.shape[-1], within // face.shape[-1]
    seen = face.flatten().index_select(0, pixel)
    corners = faces.index_select(0, seen) + frame[:, None] * vertices.shape[1]  # (N, 3)
    triangles = screen.flatten(0, 1).index_select(0, corners.flatten()).reshape(-1, 3, 3)
    weights = barycentric(triangles, torch.stack([column, row], dim=-1).to(screen.dtype) + 0.5)  # (N, 3)
    values = (shade.flatten().index_select(0, corners.flatten()).reshape(-1, 3) * weights).sum(-1)  # (N,)
    picture = values.new_zeros(face.numel()).index_add(0, pixel, values)
    return picture.reshape(len(face), 1, *face.shape[1:])


class GreyFaces(nn.Module):
    """Motion -> grey faces of one head before a fixed camera, with gradient to the motion.

    What the camera can never see (the back of the head, what lies outside the picture) is left out when the
    module is made. In training the shading of each few frames is worked out again on the way back: memory
    holds the pictures and the index of each pixel's face, not what lies between.
    """

    def __init__(self, head: FlameHead, size: int = GREY_SIZE) -> None:
        super().__init__()
        self.size = size
        self.camera = grey_camera(_camera_height(head), size)
        seen = faces_ever_seen(head, self.camera, size)
        self.head = head.restricted_to(_with_neighbours(head, seen).nonzero()[:, 0])

    def forward(self, motion: Float[Tensor, "batch frames 53"]) -> Float[Tensor, "batch frames 1 size size"]:
        """Pictures 0..1 on black."""
        chunks = torch.split(motion.flatten(0, 1), FRAMES_AT_ONCE)
        pictures = torch.cat([self._draw(chunk) for chunk in chunks])  # (B T, 1, S, S)
        return pictures.reshape(*motion.shape[:2], *pictures.shape[1:])

    def _draw(self, motion: Float[Tensor, "n 53"]) -> Float[Tensor, "n 1 size size"]:
        with torch.no_grad():
            vertices = self.head.vertices(motion)  # (N, V, 3)
            screen = self.camera.project(vertices)
            face = visible_faces_best(screen, self.head.faces, (self.size, self.size))
        if not (torch.is_grad_enabled() and motion.requires_grad):
            return _shade(vertices, screen, self.head.faces, face)
        picture: Tensor = checkpoint(
            self._draw_again, motion, face, use_reentrant=False, preserve_rng_state=False
        )
        return picture

    def _draw_again(
        self, motion: Float[Tensor, "n 53"], face: Int[Tensor, "n height width"]
    ) -> Float[Tensor, "n 1 height width"]:
        vertices = self.head.vertices(motion)
        return _shade(vertices, self.camera.project(vertices), self.head.faces, face)


def _camera_height(head: FlameHead) -> float:
    """Half way from chin to brows at rest; the published camera's where the head has no landmarks."""
    if len(head.landmark_vertices) == 0:
        return GREY_HEIGHT
    low, high = head.landmarks(head.template.new_zeros(MOTION_DIM))[:, 1].aminmax()
    return float(low + high) / 2


@torch.no_grad()
def faces_ever_seen(head: FlameHead, camera: Camera, size: int) -> Bool[Tensor, " faces"]:
    """Whether any of many extreme motions turns each face to the camera and brings it into the picture.

    Both with a margin, so that motions between and beyond lose nothing. What hides behind other parts stays:
    nobody knows which motion uncovers it.
    """
    seen = torch.zeros(len(head.faces), dtype=torch.bool, device=head.faces.device)
    for motion in torch.split(extreme_motions(head), FRAMES_AT_ONCE):
        vertices = head.vertices(motion)
        a, b, c = (vertices.index_select(1, head.faces[:, k]) for k in range(3))  # (N, F, 3)
        towards = vertices.new_tensor(camera.position) - a
        facing = functional.cosine_similarity(torch.linalg.cross(b - a, c - a), towards, dim=-1, eps=1e-20)
        screen = camera.project(vertices)[..., :2] / size  # 0..1 in the picture
        a, b, c = (screen.index_select(1, head.faces[:, k]) for k in range(3))  # (N, F, 2)
        inside = (a.maximum(b).maximum(c) > -OUTSIDE) & (a.minimum(b).minimum(c) < 1 + OUTSIDE)
        seen |= ((facing > -TURNED_AWAY) & inside.all(-1)).any(0)
    return seen


def _with_neighbours(head: FlameHead, chosen: Bool[Tensor, " faces"]) -> Bool[Tensor, " faces"]:
    """The chosen faces and all that share a vertex with them, and so have a part in their normals."""
    touched = torch.zeros(head.n_vertices, dtype=torch.bool, device=chosen.device)
    touched[head.faces[chosen].flatten()] = True
    return touched[head.faces].any(1)


def extreme_motions(head: FlameHead) -> Float[Tensor, "n 53"]:
    """Motions as far out as faces go: rest, each direction of expression both ways, mixtures; jaw moving."""
    generator = torch.Generator().manual_seed(0)
    directions = head.expression_directions.cpu()  # (50, 3V)
    mixtures = torch.randn(N_MIXTURES, EXPRESSION_DIM, generator=generator)
    expression = torch.cat([torch.eye(EXPRESSION_DIM), -torch.eye(EXPRESSION_DIM), mixtures])
    moved = (expression @ directions).reshape(len(expression), -1, 3).norm(dim=-1).amax(1, keepdim=True)
    expression = expression * (REACH / moved.clamp(min=1e-6))
    jaw = torch.rand(len(expression), 3, generator=generator) * JAW_REACH
    jaw[:, 1:] = (jaw[:, 1:] - JAW_REACH / 2) / 3  # sideways and twisted less
    motion = torch.cat([expression, jaw], dim=1)
    return torch.cat([torch.zeros(1, MOTION_DIM), motion]).to(head.template)
