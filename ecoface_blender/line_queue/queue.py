"""Several lines, one after another: what waits, what is done, what failed and why.

The lines live here, not in the file: neither an undo nor a saved file changes what was asked for. The list in
the panel is a mirror of them in the window manager, which scripts may read.
"""

import tempfile
from collections.abc import Callable
from dataclasses import dataclass

import bpy

from .. import running
from ..engine.job import job_folder
from ..engine.settings import engine_settings
from ..errors import EcoFaceBlenderError
from ..generate import gather, generation
from ..heads import chosen, finding
from ..request import GenerationRequest
from ..running import CANCELLED
from ..sound import sequencer

WAITING, WORKING, DONE, FAILED = "WAITING", "WORKING", "DONE", "FAILED"
NOTHING_SELECTED = "Select sound strips in the sequencer first"


@dataclass(eq=False)
class QueuedLine:
    """One line of the queue."""

    strip: str
    speaker: str
    scene: str
    """Whose settings are used and whose head speaks; the strip may lie in another one's sequencer."""
    state: str = WAITING
    sentence: str = ""
    """What was done, or why not."""
    request: GenerationRequest | None = None
    folder: tempfile.TemporaryDirectory | None = None
    """Of the files that the line needs; there as long as the line."""

    def let_go(self) -> None:
        """Forget what was gathered; once more is gathered anew."""
        if self.folder:
            self.folder.cleanup()
        self.request = self.folder = None


lines: list[QueuedLine] = []


class Run:
    """Works off the lines that wait, also those added meanwhile; a job as `ui.watching.Watching` wants it."""

    def __init__(self) -> None:
        self.at_end: Callable[[], None] | None = None
        self.stopped = ""
        self.done: list[QueuedLine] = []
        self.failed: list[QueuedLine] = []
        self._now: QueuedLine | None = None
        self._job: generation.Generation | None = None

    @property
    def cancelled(self) -> bool:
        """Whether the artist has given it up."""
        return self.stopped == CANCELLED

    @property
    def stage(self) -> str:
        """Which line of how many, and where it is."""
        waiting = sum(entry.state == WAITING for entry in lines)
        over = len(self.done) + len(self.failed)
        doing = self._job.stage if self._job else "Preparing"
        return f"Line {over + 1} of {over + waiting + (self._now is not None)}: {doing}"

    @property
    def fraction(self) -> float:
        """Of the line that is worked on, 0..1."""
        return self._job.fraction if self._job else 0.0

    @property
    def seconds_left(self) -> float | None:
        """For the line that is worked on."""
        return self._job.seconds_left if self._job else None

    def step(self) -> bool:
        """Look at the line that is worked on, or begin the next; True when none is left.

        Raises:
            EcoFaceBlenderError: only if the run was given up; a line that fails is kept with its sentence.
        """
        if self.stopped:
            raise EcoFaceBlenderError(self.stopped)
        self._gather_one()
        if self._job is None:
            return self._begin()
        try:
            if self._job.step():
                self._over(DONE, generation.finish(bpy.context, self._job))
        except EcoFaceBlenderError as error:
            self._over(FAILED, str(error))
        return False

    def cancel(self) -> None:
        """The artist gives up: this line and those that wait."""
        self.stop(CANCELLED)

    def stop(self, sentence: str) -> None:
        """Give up for a reason."""
        self.stopped = self.stopped or sentence
        if self._job:
            self._job.stop(sentence)

    def end(self) -> None:
        """Let go of the line that was worked on, and of those that wait."""
        if self._job:
            self._over(FAILED, self.stopped)
        for entry in lines:
            if entry.state == WAITING:
                entry.state, entry.sentence = FAILED, self.stopped
                entry.let_go()
        mirror()

    def drop(self, entry: QueuedLine) -> None:
        """End one line, the others go on."""
        if entry is self._now and self._job:
            self._job.cancel()
            running.end(self._job)
            self._now = self._job = None

    def _gather_one(self) -> None:
        """What the panel says now is what counts, so no line waits long for being gathered; one at a time."""
        entry = next((e for e in lines if e.state == WAITING and e.request is None), None)
        if entry is None:
            return
        entry.folder = job_folder()
        try:
            entry.request = _gather(bpy.context, entry, entry.folder.name)
        except EcoFaceBlenderError as error:
            self._count(entry, FAILED, str(error))

    def _begin(self) -> bool:
        entry = next((e for e in lines if e.state == WAITING and e.request), None)
        if entry is None:
            return not any(e.state == WAITING for e in lines)
        assert entry.request and entry.folder, "gathered together"
        if running.job:
            return False  # a line of its own; its turn ends by itself
        self._now, entry.state, entry.sentence = entry, WORKING, ""
        try:
            self._job = generation.start(entry.request, engine_settings(bpy.context), entry.folder)
        except EcoFaceBlenderError as error:
            self._over(FAILED, str(error))
        mirror()
        return False

    def _over(self, state: str, sentence: str) -> None:
        """The line that was worked on is over."""
        entry, job = self._now, self._job
        self._now = self._job = None
        if job:
            running.end(job)
        if entry is None:
            return
        self._count(entry, state, sentence)
        if state == DONE:
            bpy.ops.ed.undo_push(message=f"Lip Sync of {entry.strip}")  # each line is a step of its own

    def _count(self, entry: QueuedLine, state: str, sentence: str) -> None:
        entry.state, entry.sentence = state, sentence
        entry.let_go()
        (self.done if state == DONE else self.failed).append(entry)
        mirror()

    def summary(self) -> str:
        """What became of the lines, in one sentence."""
        if not self.failed:
            return f"{_lines(len(self.done))} done"
        first = self.failed[0]
        return f"{_lines(len(self.done))} done, {len(self.failed)} failed; {first.strip}: {first.sentence}"


def selected_strips(context: bpy.types.Context) -> list[bpy.types.Strip]:
    """The sound strips that are selected in the sequencer, in the order of time."""
    return [strip for strip in sequencer.sound_strips(context) if strip.select]


def speaker_of(context: bpy.types.Context, strip: bpy.types.Strip) -> bpy.types.Object | None:
    """The head that the strip remembers, if it is still there, else the chosen one."""
    own = strip.ecoface_head
    if own and finding.named(context.scene, own.name) == own and (face := finding.speaking_mesh(own)):
        return face
    return chosen.chosen_head(context)


def add(context: bpy.types.Context, strips: list[bpy.types.Strip]) -> None:
    """Let strips wait for their turn; one that waits already is not added twice.

    Raises:
        EcoFaceBlenderError: if a strip has no head.
    """
    found = [(strip, speaker_of(context, strip)) for strip in strips]
    without = [strip.name for strip, speaker in found if speaker is None]
    if without:
        raise EcoFaceBlenderError(
            f"Expected a head for each strip, found none for '{without[0]}'; choose it, or select a head."
        )
    scene = context.scene.name
    pairs = [(strip.name, speaker.name, scene) for strip, speaker in found if speaker]
    again = [e for e in lines if (e.strip, e.speaker, e.scene) in pairs and e.state != WORKING]
    for entry in again:
        forget(entry)
    working = {(e.strip, e.speaker, e.scene) for e in lines}
    lines.extend(QueuedLine(*pair) for pair in pairs if pair not in working)
    mirror()


def forget(entry: QueuedLine) -> None:
    """Take a line out, in the middle of its work too."""
    if running.queue:
        running.queue.drop(entry)
    if entry in lines:
        lines.remove(entry)
    entry.let_go()
    mirror()


def clear() -> None:
    """Take all lines out but the one that is worked on."""
    for entry in [e for e in lines if e.state != WORKING]:
        forget(entry)


def retry() -> None:
    """Let what has failed wait for another turn."""
    for entry in lines:
        if entry.state == FAILED:
            entry.state, entry.sentence, entry.request = WAITING, "", None
    mirror()


def start() -> Run:
    """Begin with the lines that wait; whoever starts it steps it to its end and calls `end`."""
    running.queue = run = Run()
    return run


def end(run: running.LinesJob) -> None:
    """However it went."""
    run.end()
    running.queue = None
    if run.at_end:
        run.at_end()


def abandon() -> None:
    """Give up everything: the extension is being switched off, or another file opened."""
    if run := running.queue:
        run.cancel()
        end(run)
    clear()


def mirror() -> None:
    """Show the lines in the window manager, for the panel's list and for scripts."""
    shown = bpy.context.window_manager.ecoface_queue
    while len(shown) > len(lines):
        shown.remove(len(shown) - 1)
    while len(shown) < len(lines):
        shown.add()
    for item, entry in zip(shown, lines, strict=True):
        item.name, item.head, item.state, item.sentence = (
            entry.strip,
            entry.speaker,
            entry.state,
            entry.sentence,
        )


def _gather(context: bpy.types.Context, entry: QueuedLine, folder: str) -> GenerationRequest:
    if context.scene.name != entry.scene:
        raise EcoFaceBlenderError(
            f"Expected the scene '{entry.scene}' in the window, found '{context.scene.name}'; "
            "go back to it and retry."
        )
    given = {"strip": entry.strip, "head": entry.speaker}
    return gather.request(context, engine_settings(context), given, folder)


def _lines(number: int) -> str:
    return f"{number} line{'' if number == 1 else 's'}"
