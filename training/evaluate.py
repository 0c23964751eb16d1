"""Scores and figures of a trained model: `python -m training.evaluate NAME`; see `COMMANDS`."""

import argparse
import sys
from collections.abc import Callable, Sequence

import tyro

from training.evaluation.exchange import Exchange, exchange
from training.evaluation.figures import Figures, figures
from training.evaluation.head_motion import HeadAndGaze, head
from training.evaluation.listening import Listening, listening
from training.evaluation.naturalness import Alive, alive
from training.evaluation.real_speech_lips import RealSpeech, real_speech
from training.evaluation.styles import Styles, styles
from training.evaluation.table import Table, table
from training.runs.script import run_script

COMMANDS: dict[str, tuple[type, Callable[..., None]]] = {
    "table": (Table, table),
    "exchange": (Exchange, exchange),
    "styles": (Styles, styles),
    "alive": (Alive, alive),
    "head": (HeadAndGaze, head),
    "real-speech": (RealSpeech, real_speech),
    "listening": (Listening, listening),
    "figures": (Figures, figures),
}
"""By the name on the command line: the config, and what runs it."""


def main(arguments: Sequence[str]) -> None:
    """Run one evaluation."""
    parser = argparse.ArgumentParser(prog="python -m training.evaluate", description=__doc__)
    parser.add_argument("evaluation", choices=COMMANDS)
    chosen = parser.parse_args(arguments[:1]).evaluation
    config, run = COMMANDS[chosen]
    run(tyro.cli(config, prog=f"python -m training.evaluate {chosen}", args=arguments[1:]))


if __name__ == "__main__":
    run_script(lambda: main(sys.argv[1:]))
