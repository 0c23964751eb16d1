"""Identity coefficients of the looks of our head: MakeHuman's sex, age and ancestry in our directions.

They stand in `ecoface_blender/heads/look_table.json`; `python -m training.head_looks WHEEL` writes them anew.
"""

import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from training.head.source import AnnyData, Floats, Ints

TABLE = Path(__file__).resolve().parents[2] / "ecoface_blender" / "heads" / "look_table.json"
LOOKS: Mapping[str, Mapping[str, float]] = {
    "Average": {},
    "Young Woman": {"african-female-young": 1.0},
    "Older Man": {"caucasian-male-old": 0.75},
}
"""How much of which macro target each is, beyond the average face."""


def look_identities(data: AnnyData, identity: Floats, chosen: Ints) -> dict[str, list[float]]:
    """Coefficients (n,) of each look in identity directions (N, 3, n), least squares over chosen vertices."""
    directions = identity[chosen].reshape(-1, identity.shape[-1])
    out = {}
    for name, targets in LOOKS.items():
        wanted = np.zeros_like(data.macro)
        for target, share in targets.items():
            wanted += share * (data.target(f"mpfb2/targets/macrodetails/{target}.target.gz") - data.macro)
        found = np.linalg.lstsq(directions, wanted[chosen].ravel(), rcond=None)[0]
        out[name] = [round(float(each), 3) for each in found]
    return out


def written(table: Mapping[str, Mapping[str, object]]) -> str:
    """JSON with one line for each entry of a look."""
    looks = []
    for name, look in table.items():
        lines = ",\n".join(f"    {json.dumps(key)}: {json.dumps(value)}" for key, value in look.items())
        looks.append(f"  {json.dumps(name)}: {{\n{lines}\n  }}")
    return "{\n" + ",\n".join(looks) + "\n}\n"
