"""Graphs of the tiny networks, kept: torch.onnx takes half a minute, and an engine with PyTorch ten seconds.

python tests/support/tiny_graphs.py writes them anew, after a change of the networks. They hold no weights;
test_backends holds them, and in make test-all those exported then and there, to what PyTorch gives.
"""

import base64
import json
import zlib
from pathlib import Path

KEPT = Path(__file__).with_name("tiny_graphs.json")


def kept_graphs() -> dict[str, bytes]:
    """By their names in `graph_file.GRAPHS`."""
    packed = json.loads(KEPT.read_text("utf-8"))
    return {name: zlib.decompress(base64.b64decode(graph)) for name, graph in packed.items()}


if __name__ == "__main__":
    from tiny_model import tiny_networks

    from ecoface_model.model_file import packed_graphs
    from training.release_graphs import graphs_of

    packed = json.loads(packed_graphs(graphs_of(tiny_networks())))
    KEPT.write_text(json.dumps(packed, indent=0) + "\n", "utf-8")
