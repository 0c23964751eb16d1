"""Identity and expression directions, and the ARKit units written in them."""

from collections.abc import Mapping

import numpy as np

from training.head.source import AnnyData, Floats, Ints

N_IDENTITY = 100
N_EXPRESSION = 50
IDENTITY_FOLDERS = (
    "head", "eyes", "ears", "nose", "mouth", "chin", "cheek", "forehead", "eyebrows", "neck",
)  # fmt: skip
MAKEHUMAN_SHARE = 0.2
"""Size of MakeHuman's own expression units in the drawn faces, against ARKit's."""

IMPORTANT = {
    "mouthClose": 1.6, "mouthPucker": 1.4, "mouthRollLower": 1.6, "mouthRollUpper": 1.6, "mouthPress": 1.6,
    "mouthUpperUp": 1.6, "mouthLowerDown": 1.8, "mouthSmile": 1.4, "eyeBlink": 1.8, "mouthShrugUpper": 1.4,
}  # fmt: skip
"""Units drawn larger, so that the directions reproduce them better."""
NEARLY = 1e-3
"""Parts of a mix that differ by less are equally large: which is larger may depend on the processor."""


def arkit_units(data: AnnyData) -> dict[str, Floats]:
    """Displacements (N, 3) of the 52 ARKit units at 1, by name, sorted."""
    folder = "faceunits01/targets/faceunits"
    return {n.rpartition("/")[2].removesuffix(".target"): data.target(n) for n in data.targets(folder)}


def makehuman_units(data: AnnyData) -> dict[str, Floats]:
    """Displacements (N, 3) of MakeHuman's own expression units at 1."""
    folder = "mpfb2/targets/expression/units/caucasian"
    return {"makehuman-" + n.rpartition("/")[2]: data.target(n) for n in data.targets(folder)}


def identity_directions(data: AnnyData) -> list[Floats]:
    """Displacements (N, 3) of hm08's face-shape targets and of sex, age and ancestry from the average."""
    names = [n for f in IDENTITY_FOLDERS for n in data.targets(f"mpfb2/targets/{f}")]
    shapes = [data.target(n) for n in names]
    for sex in ("female", "male"):
        for ancestry in ("african", "asian", "caucasian"):
            for age in ("young", "old"):
                name = f"mpfb2/targets/macrodetails/{ancestry}-{sex}-{age}.target.gz"
                shapes.append((data.target(name) - data.macro) / 2)
    return shapes


def principal_mixes(fields: Floats, covariance: Floats, chosen: Ints, n: int) -> Floats:
    """Mixes (K, n) of `fields` (K, N, 3): principal directions of random faces, at one standard deviation.

    Only the chosen vertices count, so that the result does not depend on how finely other parts are modelled.
    """
    root = np.linalg.cholesky(covariance + 1e-9 * np.eye(len(fields)))
    flat = fields[:, chosen].reshape(len(fields), -1)
    turn, _, _ = np.linalg.svd(root.T @ flat, full_matrices=False)
    mix = root @ turn[:, :n]  # (K, n)
    largest = (np.abs(mix) > (1 - NEARLY) * np.abs(mix).max(0)).argmax(0)  # the first of those that tie
    out: Floats = mix * np.sign(mix[largest, np.arange(n)])  # SVD leaves the sign open
    return out


def mixed(fields: Floats, mixes: Floats) -> Floats:
    """Directions (N, 3, n) of mixes (K, n) of fields (K, N, 3)."""
    out: Floats = np.einsum("kvx,kn->vxn", fields, mixes, optimize=True)
    return out


def _pair(name: str) -> str:
    return name.removesuffix("Left").removesuffix("Right")


def drawn_covariance(names: list[str], arkit: Mapping[str, Floats], n_faces: int = 6000) -> Floats:
    """Covariance (K, K) of unit weights over random sparse, nearly symmetric faces."""
    random = np.random.default_rng(0)
    weights = np.zeros((n_faces, len(names)))
    pairs = sorted({_pair(n) for n in names})
    for row in weights:
        active = {p: random.beta(1, 2) if random.random() < 0.25 else 0.0 for p in pairs}
        for j, name in enumerate(names):
            size = IMPORTANT.get(_pair(name), 1.0) if name in arkit else MAKEHUMAN_SHARE
            row[j] = active[_pair(name)] * size * np.clip(1 + 0.25 * random.standard_normal(), 0, 1.5)
    covariance: Floats = np.cov(weights.T)
    return covariance


def coefficients(directions: Floats, fields: Floats, chosen: Ints) -> Floats:
    """Least-squares coefficients (K, n) of displacements (K, N, 3) in directions (N, 3, n)."""
    n = directions.shape[-1]
    wanted = fields[:, chosen].reshape(len(fields), -1).T
    out: Floats = np.linalg.lstsq(directions[chosen].reshape(-1, n), wanted, rcond=None)[0].T
    return out
