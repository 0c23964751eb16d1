"""Without transformers the default model works, and one on HuBERT says what it needs."""

import subprocess
import sys
from pathlib import Path

ROOT = next(parent for parent in Path(__file__).resolve().parents if (parent / "ecoface_model").is_dir())
SCRIPT = """
import sys
sys.modules["transformers"] = None
from ecoface_model.config import ContentConfig, EmotionConfig
from ecoface_model.content import build_content
from ecoface_model.core.errors import ModelFileError
from ecoface_model.emotion import build_emotion

for build, config in ((build_content, ContentConfig), (build_emotion, EmotionConfig)):
    build(config())
    try:
        build(config(kind="hubert"))
    except ModelFileError as error:
        print(error)
"""


def test_hubert_says_what_it_needs():
    done = subprocess.run([sys.executable, "-c", SCRIPT], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    content, emotion = done.stdout.splitlines()
    for said in (content, emotion):
        assert said.startswith("expected the package transformers")
