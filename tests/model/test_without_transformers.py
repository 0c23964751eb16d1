"""Without transformers the default model works, and one on HuBERT says what it needs."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = next(parent for parent in Path(__file__).resolve().parents if (parent / "ecoface_model").is_dir())
BLOCKED = "import sys; sys.modules['transformers'] = None\n"
TRY = "from ecoface_model.{module} import build_{module}; from ecoface_model.config import {config}\n"


@pytest.mark.parametrize(("module", "config"), [("content", "ContentConfig"), ("emotion", "EmotionConfig")])
def test_hubert_says_what_it_needs(module, config):
    script = BLOCKED + TRY.format(module=module, config=config)
    subprocess.run([sys.executable, "-c", f"{script}build_{module}({config}())"], check=True, cwd=ROOT)
    script += f"build_{module}({config}(kind='hubert'))"
    ended = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True)
    assert "ModelFileError: expected the package transformers" in ended.stderr
