"""A batch from its lines to its result table: engines compute side by side, Blender writes what they have."""

import tempfile
import time
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import groupby
from pathlib import Path

from ..engine import engine
from ..engine.client import POLL_SECONDS
from ..engine.interpreter import find_python
from ..engine.settings import EngineSettings
from ..errors import EcoFaceBlenderError
from ..export import export
from ..request import GenerationRequest
from ..takes import stored
from ..ui.eta import time_left
from .failures import in_one_sentence
from .results import DONE, FAILED, Result, ResultTable, heard_cells
from .stage import Stage
from .table import BatchItem, Row, fingerprint, understand
from .voices import Voices
from .workers import Engines, Job
from .writers import Writers, Written


@dataclass(frozen=True, kw_only=True)
class Order:
    """What all lines of a run share."""

    out: Path
    part: str = ""
    """Such as 2/8; empty is all of it."""
    workers: int = 1
    """Engines side by side, and Blenders that write."""
    fps: float | None = None
    options: export.Options = field(default_factory=export.Options)


@dataclass(eq=False)
class _Task:
    """A line to be done, and later on its way."""

    row: Row
    item: BatchItem
    inputs: str
    voice: str
    """Of those whose baselines are measured, the one whose emotion is heard; empty if it is none."""
    folder: tempfile.TemporaryDirectory | None = None
    request: GenerationRequest | None = None
    job: Job | None = None

    @property
    def motion(self) -> Path:
        """What the engine writes."""
        assert self.folder
        return Path(self.folder.name) / "motion.npz"

    def clear(self) -> None:
        """Remove the files of the job."""
        if self.folder:
            self.folder.cleanup()


class Batch:
    """One run over some lines."""

    def __init__(
        self,
        rows: Sequence[Row],
        order: Order,
        settings: EngineSettings,
        say: Callable[[str], None] = print,
        whole: Sequence[Row] = (),
    ):
        """`say` takes the progress, a line of text at a time; `rows` are a part of the `whole` table."""
        self.rows, self.order, self.settings = rows, order, settings
        self._voices = Voices(whole or rows)
        self.say: Callable[[str], None] = say
        self.already: list[Result] = []
        """Done by a run before."""
        self.done: list[Result] = []
        self.failed: list[Result] = []
        self._began = time.monotonic()

    def run(self) -> None:
        """Do all lines; what fails is in `failed` and does not stop the rest.

        Raises:
            EcoFaceBlenderError: if no line can be done: no engine, no model, no room for the table.
        """
        try:
            self.order.out.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise EcoFaceBlenderError(
                f"The folder '{self.order.out}' cannot be made ({error.strerror}); choose another."
            ) from error
        self._table = ResultTable(self.order.out, self.order.part)
        tasks = self._plan()
        try:
            if tasks:
                self._work_off(tasks)
        finally:
            with suppress(EcoFaceBlenderError):
                self._table.close([row.name for row in self.rows])

    @property
    def table(self) -> Path:
        """Where the results are."""
        return self._table.path

    def _plan(self) -> list[_Task]:
        """What is to be done: not what is done already, and not what cannot be."""
        model = Path(self.settings.model) if self.settings.model else engine.default_model()
        flame = Path(self.settings.flame) if self.settings.flame else None
        for path in filter(None, (model, flame)):
            if not path.is_file():
                raise EcoFaceBlenderError(f"Expected a file at '{path}', found none; correct the path.")
        tasks, bad = [], []
        for row in self.rows:
            try:
                item = understand(row)
                voice = self._voices.heard_by(row, item)
                shared = (model, flame, self.order.fps, self.order.options, *self._voices.inputs(voice))
                inputs = fingerprint(item, shared)
                before = self._table.finished(row.name, inputs, item.outputs)
            except Exception as error:
                bad.append((row, in_one_sentence(error)))
                continue
            if before:
                self.already.append(before)
                if self._table.known.get(row.name) != before:
                    self._table.add(before)
            else:
                tasks.append(_Task(row, item, inputs, voice))
        if self.already:
            self.say(f"{len(self.already)} of {len(self.rows)} lines were done before")
        for row, sentence in bad:
            self._failed(row, sentence)
        return tasks

    def _work_off(self, tasks: Sequence[_Task]) -> None:
        count = min(self.order.workers, len(tasks))
        with tempfile.TemporaryDirectory(prefix="ecoface-", ignore_cleanup_errors=True) as folder:
            stage = Stage(Path(folder), self.settings, self.order.fps, self.order.options)
            engines = Engines(find_python(self.settings.python), self.settings, count)
            writers = Writers(count)
            self._began = time.monotonic()
            try:
                self._voices.measure((task.voice for task in tasks), engines)
                for sentence in self._voices.describe():
                    self.say(sentence)
                for path, group in _by_file(tasks):
                    self._do_group(stage, engines, writers, path, deque(group))
            finally:
                writers.close()
                engines.close()

    def _do_group(
        self,
        stage: Stage,
        engines: Engines,
        writers: Writers,
        path: Path | None,
        waiting: deque[_Task],
    ) -> None:
        """The lines that begin with the same file."""
        try:
            stage.open(path)
        except EcoFaceBlenderError as error:
            for task in waiting:
                self._failed(task.row, str(error), task.inputs)
            return
        sent: dict[Job, _Task] = {}
        written: dict[Written, _Task] = {}
        try:
            while waiting or sent or written:
                while waiting and engines.has_room() and writers.has_room():
                    self._send(stage, engines, waiting.popleft(), sent)
                computed = engines.poll()
                for job in computed:
                    self._computed(stage, writers, sent.pop(job), job, written)
                ended = writers.poll()
                for each in ended:
                    self._written(written.pop(each), each)
                if not computed and not ended:
                    time.sleep(POLL_SECONDS)
        finally:
            for task in (*sent.values(), *written.values()):
                task.clear()

    def _send(self, stage: Stage, engines: Engines, task: _Task, sent: dict[Job, _Task]) -> None:
        task.folder = tempfile.TemporaryDirectory(prefix="ecoface-", ignore_cleanup_errors=True)
        try:
            request = stage.request(task.item, task.folder.name)
            task.request = request = self._voices.known(request, task.voice)
        except Exception as error:  # of this line alone, as far as can be known
            self._failed(task.row, in_one_sentence(error), task.inputs)
            task.clear()
            return
        task.job = job = Job(request.message(task.motion, self.settings.flame or None))
        if note := self._voices.note(request, task.voice):
            job.warnings.append(note)
        sent[job] = task
        engines.send(job)

    def _computed(
        self, stage: Stage, writers: Writers, task: _Task, job: Job, written: dict[Written, _Task]
    ) -> None:
        """Have written what an engine has computed."""
        if job.answer is None:
            self._failed(task.row, job.sentence, task.inputs)
            task.clear()
            return
        assert task.folder and task.request
        target = self.order.out / task.row.name
        line = stage.writing(task.request, task.item, task.motion, target, task.folder.name)
        written[writers.send(line)] = task

    def _written(self, task: _Task, written: Written) -> None:
        """Into the table; nothing that goes wrong here concerns another line."""
        assert task.job
        try:
            if written.said is None:
                raise EcoFaceBlenderError(written.sentence)
            heard = stored.read_motion(task.motion)[3].get("heard")
        except Exception as error:  # of this line alone, as far as can be known
            self._failed(task.row, in_one_sentence(error), task.inputs)
        else:
            names = " ".join(f"{task.row.name}.{suffix}" for suffix in task.item.outputs)
            result = Result(
                task.row.name,
                DONE,
                "; ".join([written.said, *task.job.warnings]),
                f"{task.job.seconds + written.seconds:.1f}",
                names,
                task.inputs,
                _now(),
                **heard_cells(heard),
            )
            self.done.append(result)
            self._tell(result)
        finally:
            task.clear()

    def _failed(self, row: Row, sentence: str, inputs: str = "") -> None:
        result = Result(row.name, FAILED, sentence, "", "", inputs, _now())
        self.failed.append(result)
        self._tell(result)

    def _tell(self, result: Result) -> None:
        """Into the table, and one line of progress."""
        self._table.add(result)
        gone, total = len(self.already) + len(self.done) + len(self.failed), len(self.rows)
        parts = [f"{gone:{len(str(total))}} of {total}", result.line]
        parts += [f"{result.seconds} s"] if result.seconds else []
        parts += [result.state if result.state == DONE else f"{result.state}: {result.sentence}"]
        if self.done and gone < total:
            pace = (time.monotonic() - self._began) / len(self.done)
            parts.append(time_left(pace * (total - gone)))
        self.say("  ".join(parts))


def _by_file(tasks: Sequence[_Task]) -> Iterable[tuple[Path | None, Iterable[_Task]]]:
    """Lines that begin with the same file follow each other, so that it is opened once."""
    first: dict[Path | None, int] = {}
    for number, task in enumerate(tasks):
        first.setdefault(task.item.open, number)
    return groupby(sorted(tasks, key=lambda task: first[task.item.open]), key=lambda task: task.item.open)


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="microseconds")
