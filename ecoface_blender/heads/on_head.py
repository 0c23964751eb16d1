"""Operators for the head that is chosen, or that a script names."""
# ruff: noqa: RUF012 (bl_options is written as Blender wants it)

from ..ui.reporting import Reporting
from . import chosen


class OnHead(Reporting):
    """Greyed, with the reason, where there is no head."""

    bl_options = {"REGISTER", "UNDO"}

    @classmethod
    def poll(cls, context):
        if reason := chosen.why_no_head(context):
            cls.poll_message_set(reason)
            return False
        return True
