"""PyTorch3D's rasteriser in place of ours: which face a pixel sees, behind the interface of `visible_faces`.

Used where PyTorch3D is installed and tensors are not on the CPU: there it tries every face at every pixel,
which ours need not. The two pictures may differ where a pixel's centre lies on an edge or where surfaces
meet: at most SAME_PICTURE of the pixels.
"""

from importlib import import_module
from importlib.util import find_spec

import torch
from jaxtyping import Float, Int
from torch import Tensor

from ecoface_model.renderer.raster import fronts, visible_faces

INSTALLED = find_spec("pytorch3d") is not None
SAME_PICTURE = 0.002  # share of pixels that may show another face than ours


def visible_faces_best(
    screen: Float[Tensor, "batch vertices 3"], faces: Int[Tensor, "faces 3"], size: tuple[int, int]
) -> Int[Tensor, "batch height width"]:
    """`visible_faces`, by PyTorch3D where that is quicker."""
    by = visible_faces_pytorch3d if INSTALLED and screen.device.type != "cpu" else visible_faces
    return by(screen, faces, size)


@torch.no_grad()
def visible_faces_pytorch3d(
    screen: Float[Tensor, "batch vertices 3"], faces: Int[Tensor, "faces 3"], size: tuple[int, int]
) -> Int[Tensor, "batch height width"]:
    """Index of the nearest front face at each pixel's centre, -1 where there is none.

    Faces are culled by us, so PyTorch3D's notion of a front does not matter; its face indices count through
    the batch.
    """
    triangles = screen.index_select(1, faces.flatten()).reshape(-1, 3, 3)  # (B F, 3, 3)
    chosen = fronts(triangles, *size, cull=True)  # flat over the batch, ascending
    if len(chosen) == 0:
        return torch.full((len(screen), *size), -1, device=screen.device)
    counts = torch.bincount(chosen // len(faces), minlength=len(screen)).tolist()
    face_lists = torch.split(faces[chosen % len(faces)], counts)
    structures, renderer = import_module("pytorch3d.structures"), import_module("pytorch3d.renderer.mesh")
    meshes = structures.Meshes(verts=list(to_ndc(screen, size).float()), faces=list(face_lists))
    packed = renderer.rasterize_meshes(
        meshes, image_size=size, blur_radius=0.0, faces_per_pixel=1, perspective_correct=True
    )[0][..., 0]  # (B, H, W), into `chosen`
    return torch.where(packed >= 0, chosen[packed.clamp(min=0)] % len(faces), -1)


def to_ndc(screen: Float[Tensor, "*batch 3"], size: tuple[int, int]) -> Float[Tensor, "*batch 3"]:
    """PyTorch3D's coordinates: x to the left, y up, the picture's shorter side from -1 to 1; z is kept."""
    height, width = size
    middle, half = screen.new_tensor([width / 2, height / 2]), min(size) / 2
    return torch.cat([(middle - screen[..., :2]) / half, screen[..., 2:]], dim=-1)
