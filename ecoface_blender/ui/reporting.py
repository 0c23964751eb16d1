"""A failure is reported in one sentence, wherever it was asked for."""

from collections.abc import Callable
from typing import Any

import bpy

from ..errors import EcoFaceBlenderError


class OfOperator:
    """What a mixin uses of the operator that it becomes part of."""

    properties: Any
    report: Callable[[set[str], str], None]
    poll_message_set: Callable[[str], None]


class Reporting(OfOperator):
    """A failure of `run` becomes a report: a pop-up for a click, a RuntimeError in a script."""

    def execute(self, context):
        try:
            return self.run(context)
        except EcoFaceBlenderError as error:
            self.report({"ERROR"}, str(error))
            return {"CANCELLED"}

    def run(self, context: bpy.types.Context) -> set[str]:
        """What the operator does; gives the set that Blender gets."""
        raise NotImplementedError
