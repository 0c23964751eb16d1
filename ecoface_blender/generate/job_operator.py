"""Operators that let the engine work: waiting for it in a script, beside the artist's work after a click."""

import tempfile
import time
from typing import Any

import bpy

from .. import running
from ..engine import engine
from ..engine.job import job_folder
from ..engine.settings import EngineSettings, engine_settings
from ..errors import EcoFaceBlenderError
from ..heads import chosen
from ..ui.reporting import Reporting
from ..ui.watching import POLL_SECONDS, Watching


def why_not_ready(context: bpy.types.Context) -> str | None:
    """Why nothing can be generated here whatever the line, in one sentence; asked at each redraw."""
    if running.job:
        return running.BUSY
    return chosen.why_no_head(context) or engine.why_not_usable(engine_settings(context))


class JobOperator(Reporting, Watching):
    """For operators that let the engine do a job."""

    clicked = False
    """Whether the artist goes on working beside it."""

    def start_job(
        self, context: bpy.types.Context, settings: EngineSettings, folder: tempfile.TemporaryDirectory
    ) -> Any:
        """Begin with it; its files go into the folder."""
        raise NotImplementedError

    @classmethod
    def poll(cls, context):
        if reason := why_not_ready(context):
            cls.poll_message_set(reason)
            return False
        return True

    def run(self, context):
        """Wait for the result: the path taken by scripts, tests and background runs."""
        job, why = self._start(context), ""
        manager = context.window_manager
        manager.progress_begin(0, 100)
        try:
            while not job.step():
                manager.progress_update(round(100 * job.fraction))
                time.sleep(POLL_SECONDS)
            return self.finish_job(context, job)
        except EcoFaceBlenderError as error:
            why = str(error)
            raise
        finally:
            manager.progress_end()
            self.end_job(job, why)

    def invoke(self, context, event):
        """Stay responsive: the path taken by a click."""
        if bpy.app.background:
            return self.execute(context)
        self.clicked = True
        try:
            job = self._start(context)
        except EcoFaceBlenderError as error:
            running.fail(str(error))
            self.report({"WARNING"}, str(error))  # not an error's pop-up over the button
            return {"CANCELLED"}
        return self.watch(context, job)

    def _start(self, context):
        folder = job_folder()
        try:
            return self.start_job(context, engine_settings(context), folder)
        except EcoFaceBlenderError:
            folder.cleanup()
            raise

    def end_job(self, job, why):
        """Clear up after the job."""
        running.end(job, why)
