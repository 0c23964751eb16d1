"""Engines: ONNX Runtime gives what PyTorch gives, without it, and nothing of a stranger's graph is run."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from safetensors import safe_open
from safetensors.numpy import load_file, save_file
from strange_graphs import CHANGES, with_graph
from tiny_model import TINY_HUBERT, tiny_networks, voice, write_tiny_model

from ecoface_model import device
from ecoface_model.backends import graph_file
from ecoface_model.backends.onnx_backend import OnnxBackend
from ecoface_model.checkpoint import read_model
from ecoface_model.core.errors import EcoFaceError, ModelFileError, RequestError
from ecoface_model.core.head_file import read_head
from ecoface_model.core.head_mesh import HeadMesh
from ecoface_model.core.motion_file import FlameMotion
from ecoface_model.model_file import read_model_file
from ecoface_model.pipeline import EcoFace
from ecoface_model.reference_emotion.strength import EmotionStrength
from ecoface_model.windows import WindowPlan

ROOT = Path(__file__).parents[2]
SAME = 0.01  # mm
SPEECH = voice(9.5)  # 238 frames: two windows, of no whole stride


@pytest.fixture(scope="module", params=["kept", pytest.param("exported", marks=pytest.mark.slow)])
def model(request, tmp_path_factory) -> Path:
    """A tiny model with graphs: those that all tests use, and those that are exported now."""
    kept = request.param == "kept"
    path = write_tiny_model(tmp_path_factory.mktemp("graphs") / "tiny.safetensors", graphs=kept)
    if kept:
        return path
    before = load_file(path)
    # in a process of its own: the exporter's lengths are symbols, which the tests' type checks do not know
    subprocess.run([sys.executable, "-m", "training.release_graphs", str(path)], check=True, cwd=ROOT)
    after = load_file(path)
    assert before.keys() == after.keys()
    assert all(before[name].tobytes() == after[name].tobytes() for name in before), "bit for bit"
    return path


@pytest.fixture(scope="module")
def both(model) -> tuple[EcoFace, EcoFace]:
    """The same model by either engine."""
    by_onnx, by_torch = EcoFace.load(model), EcoFace.load(model, engine="torch", device="cpu")
    assert by_onnx.backend.engine.startswith("ONNX Runtime 1.")
    assert by_torch.backend.engine.startswith("PyTorch 2.")
    return by_onnx, by_torch


def apart(one: FlameMotion, other: FlameMotion) -> float:
    """mm between any vertex of two motions."""
    mesh = HeadMesh(read_head())
    offsets = mesh.vertices(one.motion) - mesh.vertices(other.motion)
    return 1000 * float(np.linalg.norm(offsets, axis=-1).max())


@pytest.mark.parametrize(
    "how",
    [
        {}, {"emotion": "happy:1.5", "seed": 2**40 + 3}, {"emotion": "angry@0 sad:2@3", "style": "ben"},
        {"emotion_from": voice(12.0, seed=5), "temperature": 0.5}, {"baseline": True},
        {"emotion": "sad", "amounts": EmotionStrength(strength=1.5, upper=0.5, mouth=1.2)},
        {"emotion_from": "performance"},
    ],
    ids=["speech", "label", "track", "another clip", "baseline", "amounts", "performance"],
)  # fmt: skip
def test_either_engine_gives_the_same_motion(both, how):
    takes = []
    for ecoface in both:
        asked = dict(how)
        if asked.pop("baseline", None):
            asked["baseline"] = ecoface.voice_baseline([voice(3.0, 4)])
        if isinstance(asked.get("emotion_from"), str):
            asked["emotion_from"] = both[1].generate(voice(4.0, 6), emotion="angry:2")
        # a gaze shift waits for a blink: by a hair's breadth it may be another one
        takes.append(ecoface.generate(SPEECH, gaze=0.0, **asked))
    assert apart(*takes) < SAME
    assert np.abs(takes[0].phones.astype(int) - takes[1].phones).max() <= 1
    assert takes[0].metadata.keys() == takes[1].metadata.keys()


def test_either_engine_hears_the_same(both):
    heard = [ecoface.listen(SPEECH) for ecoface in both]
    np.testing.assert_allclose(heard[0].shares, heard[1].shares, atol=1e-3)
    baselines = [ecoface.voice_baseline([SPEECH]).states for ecoface in both]
    np.testing.assert_allclose(*baselines, atol=1e-4)


@pytest.mark.parametrize("frames", [4, 28, 200, 744])
def test_every_graph_gives_what_its_module_gives_at_any_length(both, frames):
    rng = np.random.default_rng(frames)
    sound = voice(30.0)[: 640 * frames]
    engines = [ecoface.backend for ecoface in both]
    measured = [engine.measure([sound]) for engine in engines]
    np.testing.assert_allclose(*measured, atol=1e-6)
    heard = [engine.hear(sound, measured[0], None) for engine in engines]
    for one, other in zip(*heard, strict=True):
        np.testing.assert_allclose(one, other, atol=2e-3)
    np.testing.assert_allclose(heard[0][0], engines[0].content(sound, measured[0]))
    for engine, (_, evidence) in zip(engines, heard, strict=True):
        np.testing.assert_array_equal(engine.listen(sound, measured[0], None), evidence)
    faces = rng.random((frames, 32, 32)).astype(np.float32)
    np.testing.assert_allclose(*(engine.see(faces) for engine in engines), atol=1e-4)
    shapes = (2 * frames, 32), (2 * frames, 16), (3,), (frames // 4, 16)
    inputs = [rng.standard_normal(shape).astype(np.float32) for shape in shapes]
    np.testing.assert_allclose(*(engine.animate(*inputs) for engine in engines), atol=1e-4)


def test_threads_change_no_bit(model):
    takes = []
    for n_parallel in (1, 3):
        backend = OnnxBackend(read_model_file(model))
        backend.n_parallel = n_parallel
        ecoface = EcoFace(backend, WindowPlan(window=80, context=16))
        takes.append(ecoface.generate(voice(20.0)).motion)
    np.testing.assert_array_equal(*takes)


def test_whoever_gives_up_amid_windows_side_by_side_is_heard(both):
    def give_up(_stage: str, done: int, _total: int) -> None:
        if done == 2:
            raise InterruptedError

    with pytest.raises(InterruptedError):
        both[0].generate(voice(30.0), progress=give_up)
    assert both[0].generate(voice(0.5)).n_frames == 12


def test_a_model_without_graphs_is_run_by_torch_or_says_what_to_do(tmp_path, monkeypatch):
    without = write_tiny_model(tmp_path / "tiny.safetensors", graphs=False)
    assert EcoFace.load(without, "cpu").backend.engine.startswith("PyTorch")
    monkeypatch.setattr(device, "is_installed", lambda package: package == "onnxruntime")
    for path in (without, write_tiny_model(tmp_path / "paper.safetensors", TINY_HUBERT)):
        with pytest.raises(ModelFileError, match="found it without; pip install"):
            EcoFace.load(path)


def test_engines_are_chosen_and_refused(model, monkeypatch):
    assert EcoFace.load(model, "cpu").backend.engine.startswith("ONNX")
    assert EcoFace.load(model, None, "onnx").device == "cpu"
    with pytest.raises(RequestError, match="expected an engine among torch, onnx, found 'jax'"):
        EcoFace.load(model, None, "jax")
    with pytest.raises(RequestError, match="expected the engine torch for the device 'cuda', found onnx"):
        EcoFace.load(model, "cuda", "onnx")
    with pytest.raises(RequestError, match="expected a device among cuda, mps, cpu, found 'gpu'"):
        EcoFace.load(model, "gpu")
    monkeypatch.setattr(device, "torch_sees_a_card", lambda: True)
    assert device.choose_engine(None, None, with_graphs=True) == "torch"
    assert device.choose_engine("cpu", None, with_graphs=True) == "onnx"
    monkeypatch.setattr(device, "is_installed", lambda package: package == "onnxruntime")
    for wanted in (("cuda", None), (None, "torch")):
        with pytest.raises(RequestError, match=r"expected PyTorch .* pip install \"ecoface\[torch\]\""):
            device.choose_engine(*wanted, with_graphs=True)
    monkeypatch.setattr(device, "is_installed", lambda package: False)
    with pytest.raises(RequestError, match="expected ONNX Runtime or PyTorch, found neither"):
        device.choose_engine("cpu", None, with_graphs=True)
    with pytest.raises(RequestError, match="expected ONNX Runtime, found none"):
        device.choose_engine("cpu", "onnx", with_graphs=True)


@pytest.mark.parametrize(("change", "said"), CHANGES)
def test_a_stranger_s_graph_is_refused(model, tmp_path, change, said):
    path = with_graph(model, tmp_path / "changed.safetensors", "front", change)
    with pytest.raises(ModelFileError, match=said) as caught:
        EcoFace.load(path)
    assert "\n" not in str(caught.value)


def test_a_graph_that_cannot_be_run_is_said_in_a_sentence(model, tmp_path):
    def misspelt(proto):
        proto.graph.node[0].op_type = "Convolve"

    ecoface = EcoFace.load(with_graph(model, tmp_path / "changed.safetensors", "front", misspelt))
    with pytest.raises(ModelFileError, match="expected a graph 'front' that can be run"):
        ecoface.generate(voice(0.5))


@pytest.mark.parametrize("text", ["[]", "7", '{"front": 3}', '{"front": "%%"}', '{"front": "AAAA"}'])
def test_graphs_that_are_none_are_damage(model, tmp_path, text):
    with safe_open(model, framework="np") as file:
        metadata = file.metadata() | {"graphs": text}
    save_file(load_file(model), tmp_path / "changed.safetensors", metadata)
    with pytest.raises(EcoFaceError, match="expected a whole EcoFace model in changed"):
        EcoFace.load(tmp_path / "changed.safetensors")


@pytest.mark.parametrize("name", ["offset", "hidden_to_labels.weight"])
def test_a_classifier_that_is_not_whole_is_said_in_a_sentence(model, tmp_path, name):
    with safe_open(model, framework="np") as file:
        metadata, tensors = file.metadata(), load_file(model)
    for number, damaged in enumerate((None, np.zeros((3, 3), np.float32))):
        path = tmp_path / f"{number}.safetensors"
        other = tensors | ({} if damaged is None else {f"classifier.{name}": damaged})
        if damaged is None:
            del other[f"classifier.{name}"]
        save_file(other, path, metadata)
        with pytest.raises(ModelFileError, match=f"expected a classifier's {name} of shape"):
            EcoFace.load(path, engine="onnx")


def test_no_graph_holds_a_weight(model):
    file = read_model_file(model)
    networks = tiny_networks()
    assert set(file.graphs) == set(graph_file.GRAPHS)
    lent = {name for graph in file.graphs.values() for name in graph_file.weights_of(graph)}
    assert lent <= file.tensors.keys() | {graph_file.POSITIONS}
    trained = {name for name, _ in networks.named_parameters() if not name.startswith("generator")}
    in_numpy = {f"classifier.hidden_to_labels.{kind}" for kind in ("weight", "bias")}
    wanted = {name for name in trained if name.startswith(("content", "classifier", "visual"))}
    assert in_numpy <= wanted and wanted - in_numpy <= lent
    assert sum(map(len, file.graphs.values())) < 400_000


def test_graphs_of_a_model_on_hubert_are_not_written(tmp_path):
    from training import release_graphs

    path = write_tiny_model(tmp_path / "paper.safetensors", TINY_HUBERT)
    with pytest.raises(ModelFileError, match="found one on HuBERT, which PyTorch alone runs"):
        release_graphs.main(release_graphs.GraphsConfig(model=path))
    assert release_graphs.graphs_of(read_model(path).networks) == {}


WITHOUT_TORCH = """
import sys
for package in ("torch", "onnx", "onnxscript", "transformers", "scipy", "matplotlib"):
    sys.modules[package] = None
sys.path[:0] = [{root!r}, {support!r}]
"""


def run_without_torch(script: str, *arguments: str) -> subprocess.CompletedProcess:
    """Python code in a process that has neither PyTorch nor what exports graphs."""
    start = WITHOUT_TORCH.format(root=str(ROOT), support=str(ROOT / "tests" / "support"))
    command = [sys.executable, "-c", start + script, *arguments]
    return subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=False)


def test_all_of_it_runs_without_torch(model, both, tmp_path):
    np.save(tmp_path / "voice.npy", SPEECH)
    both[0].generate(voice(2.0), emotion="angry").write(tmp_path / "performance.npz")
    script = (
        "import numpy as np\n"
        "from ecoface_model.pipeline import EcoFace\n"
        "from ecoface_model.core.motion_file import FlameMotion\n"
        "folder = sys.argv[2]; speech = np.load(folder + '/voice.npy'); model = EcoFace.load(sys.argv[1])\n"
        "model.generate(speech, gaze=0.0).write(folder + '/speech.npz')\n"
        "model.generate(speech, emotion='happy', gaze=0.0).write(folder + '/label.npz')\n"
        "model.generate(speech, emotion_from=speech[:40000], gaze=0.0).write(folder + '/reference.npz')\n"
        "seen = FlameMotion.read(folder + '/performance.npz')\n"
        "model.generate(speech, emotion_from=seen, gaze=0.0).write(folder + '/seen.npz')\n"
        "model.listen(speech, baseline=model.voice_baseline([speech]))\n"
    )
    done = run_without_torch(script, str(model), str(tmp_path))
    assert done.returncode == 0, done.stderr
    wanted = {
        "speech": both[1].generate(SPEECH, gaze=0.0),
        "label": both[1].generate(SPEECH, emotion="happy", gaze=0.0),
        "reference": both[1].generate(SPEECH, emotion_from=SPEECH[:40_000], gaze=0.0),
        "seen": both[1].generate(
            SPEECH, emotion_from=FlameMotion.read(tmp_path / "performance.npz"), gaze=0.0
        ),
    }
    for name, motion in wanted.items():
        assert apart(FlameMotion.read(tmp_path / f"{name}.npz"), motion) < SAME, name


def test_the_command_line_needs_no_torch_but_for_previews(model, tmp_path):
    import soundfile

    wav, motion = tmp_path / "a.wav", tmp_path / "a.npz"
    soundfile.write(wav, voice(1.5), 16_000)
    commands = [
        ["generate", wav, "-o", motion, "--model", model],
        ["listen", wav, "--model", model],
        ["export", motion, "-o", tmp_path / "a.csv"],
        ["export", motion, "-o", tmp_path / "v.npz", "--vertices"],
        ["info", "--model", model],
        ["preview", motion, "-o", tmp_path / "a.mp4"],
    ]
    script = (
        "import json\n"
        "from ecoface_model.__main__ import main\n"
        "codes = [main(command) for command in json.loads(sys.argv[1])]\n"
        "print(codes)\n"
    )
    done = run_without_torch(script, json.dumps([list(map(str, each)) for each in commands]))
    assert done.returncode == 0 and done.stdout.endswith("[0, 0, 0, 0, 0, 2]\n"), done.stdout + done.stderr
    assert "engine: ONNX Runtime" in done.stdout and "device: cpu" in done.stdout
    assert done.stderr.startswith("ecoface: expected torch and matplotlib for a preview, found none; pip")
    assert (tmp_path / "a.csv").is_file() and (tmp_path / "v.npz").is_file()
