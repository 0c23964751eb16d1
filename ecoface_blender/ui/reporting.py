"""A failure is reported in one sentence, wherever it was asked for."""

from ..errors import EcoFaceBlenderError


class Reporting:
    """A failure becomes a report of one sentence: a pop-up for a click, a RuntimeError in a script."""

    def execute(self, context):
        try:
            return self.run(context)
        except EcoFaceBlenderError as error:
            self.report({"ERROR"}, str(error))
            return {"CANCELLED"}
