"""What is heard of a voice: its emotions as keys, and its baseline."""
# ruff: noqa: RUF012 (bl_options is written as Blender wants it)

from bpy.props import EnumProperty, StringProperty
from bpy.types import Operator

from .. import running
from ..emotion import voice_baseline
from ..generate import gather
from ..generate.job_operator import JobOperator
from ..generate.operators import track_property
from ..heads import chosen
from ..ui.reporting import Reporting
from . import listening


class _OnVoice(JobOperator):
    """For what lets the engine listen to a voice: the panel's, where a script leaves it out."""

    bl_options = {"UNDO"}

    head: StringProperty(name="Head", description="Name of the head's object", options={"SKIP_SAVE"})
    sound: StringProperty(
        name="Sound",
        description="A sound file; it is spoken from the first frame of the scene",
        subtype="FILE_PATH",
        options={"SKIP_SAVE"},
    )
    strip: StringProperty(
        name="Strip", description="Name of a sound strip of the sequencer", options={"SKIP_SAVE"}
    )
    track: track_property("soundtrack")
    channel: track_property("channel")

    def given(self):
        """What a script has said, by the names that `gather` knows."""
        said = [name for name in _OnVoice.__annotations__ if self.properties.is_property_set(name)]
        return {name: getattr(self, name) for name in said}


class ECOFACE_OT_listen(_OnVoice, Operator):
    """Fill the Emotion Track with the emotions that are heard in the voice, as a few keys to be corrected.
    Keys outside of the voice's time stay"""

    bl_idname = "ecoface.listen"
    bl_label = "Listen"

    def start_job(self, context, settings, folder):
        line = listening.line_to_hear(context, settings, self.given(), folder.name)
        return running.begin(lambda: listening.Listening(line, settings, folder))

    def finish_job(self, context, job):
        """Key what was heard and say so."""
        self.report({"WARNING"} if job.warnings else {"INFO"}, listening.finish(context, job))
        return {"FINISHED"}


class ECOFACE_OT_voice_baseline(_OnVoice, Operator):
    """Let the engine learn how this head's voice usually sounds, to tell its moods from its timbre"""

    bl_idname = "ecoface.voice_baseline"
    bl_label = "Make Voice Baseline"

    lines: EnumProperty(
        name="Lines",
        description="Of which lines it is made",
        items=[
            ("STRIP", "Neutral Line", "The chosen voice, a strip or file, spoken without any emotion"),
            ("ALL", "All Lines", "All strips that this head speaks, in whatever mood"),
        ],
        options={"SKIP_SAVE"},
    )

    def start_job(self, context, settings, folder):
        if self.lines == "ALL":
            kind, lines = (
                voice_baseline.LINES,
                listening.lines_of_voice(context, settings, self.given(), folder.name),
            )
        else:
            line = gather.voice(context, settings, self.given(), folder.name)
            kind, lines = voice_baseline.NEUTRAL, [line]
        return running.begin(lambda: listening.Measuring(lines, kind, settings, folder))

    def finish_job(self, _context, job):
        """Keep it with the head and say so."""
        self.report({"WARNING"} if job.warnings else {"INFO"}, listening.finish_baseline(job))
        return {"FINISHED"}


class ECOFACE_OT_voice_baseline_remove(Reporting, Operator):
    """Forget how this head's voice usually sounds"""

    bl_idname = "ecoface.voice_baseline_remove"
    bl_label = "Remove Voice Baseline"
    bl_options = {"REGISTER", "UNDO"}

    @classmethod
    def poll(cls, context):
        speaker = chosen.chosen_head(context)
        reason = chosen.why_no_head(context)
        if speaker and not voice_baseline.of_head(speaker):
            reason = f"'{speaker.name}' has no voice baseline"
        if reason:
            cls.poll_message_set(reason.rstrip("."))
        return reason is None

    def run(self, context):
        voice_baseline.remove(chosen.named_head(context))
        return {"FINISHED"}


CLASSES = (ECOFACE_OT_listen, ECOFACE_OT_voice_baseline, ECOFACE_OT_voice_baseline_remove)
