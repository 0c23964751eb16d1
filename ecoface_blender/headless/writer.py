"""One of several Blenders that write lines of a batch: asked on stdin, answering on stdout, a JSON a line.

It ends with its stdin, and so with the Blender that started it.
"""

import json
import os
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

from ..engine.settings import EngineSettings
from ..errors import EcoFaceBlenderError
from ..export import export
from ..request import GenerationRequest
from .failures import in_one_sentence
from .outputs import Writing, write

COMMAND = "write-lines"
"""By which `writers` starts one."""


def run() -> int:
    """Write what is asked for until nothing more is; the exit code."""
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # whatever Blender prints is no answer
    for asked in sys.stdin:
        try:
            answer = {"said": write(decoded(asked))}
        except Exception as error:  # of this line alone, as far as can be known
            answer = {"sentence": in_one_sentence(error)}
        print(json.dumps(answer), file=answers, flush=True)
    return 0


def encoded(line: Writing) -> str:
    """As one line of JSON."""
    return json.dumps(asdict(line), default=str) + "\n"


def decoded(text: str) -> Writing:
    """What `encoded` gave.

    Raises:
        EcoFaceBlenderError: if it is something else.
    """
    try:
        values: dict[str, Any] = json.loads(text)
        return Writing(
            base=Path(values["base"]),
            motion=Path(values["motion"]),
            target=Path(values["target"]),
            folder=Path(values["folder"]),
            request=GenerationRequest.from_stored(values["request"], "the line"),
            outputs=tuple(values["outputs"]),
            options=export.Options(**values["options"]),
            settings=EngineSettings(**values["settings"]),
            new_head=bool(values["new_head"]),
        )
    except (ValueError, TypeError, KeyError) as error:
        raise EcoFaceBlenderError(f"Expected a line to write, found something else ({error}).") from error
