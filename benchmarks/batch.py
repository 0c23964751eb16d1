"""How fast a batch is and whether its memory grows: python benchmarks/batch.py --lines 500 [--workers 2]

Lines of 4 s, cut from the demo's voice, each with its own seed, through the command as a user runs it. The
resident memory of Blender and of its engines is read from /proc (Linux) once a line; what is printed is that
of the 50th line and of the last. The processor's seconds of a line are of all of them together, once all have
started: by these, two free cores do 120 / seconds lines a minute, whatever else the machine does meanwhile.
Heads are EcoFace's own ("own"), the same with ARKit's 52 keys as another's ("arkit"), and any .npz that
heads.py reads; further arguments go to the command as they are.
"""

import argparse
import csv
import os
import subprocess
import sys
import tempfile
import time
import wave
from pathlib import Path

ROOT = Path(__file__).parent.parent
DEMO = ROOT / "demo" / "speech.wav"
SECONDS = 4.0
OWN, ARKIT = "own", "arkit"
STARTED = 10
"""Lines after which all engines and Blenders have started."""
WARM = 50
"""Lines after which memory should not grow."""
PAGE = os.sysconf("SC_PAGE_SIZE")


def main() -> None:
    """Measure a run for each head, and print a line for docs/batch.md."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--lines", type=int, default=500)
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--outputs", default="fbx npz")
    parser.add_argument("--heads", nargs="+", default=[OWN, ARKIT], metavar="HEAD")
    parser.add_argument("--quiet", action="store_true", help="print nothing but the last line of a run")
    parser.add_argument("--save-head", type=Path, help=argparse.SUPPRESS)
    options, further = parser.parse_known_args()
    if options.save_head:
        save_head(options.heads[0], options.save_head)
        return
    for head in options.heads:
        with tempfile.TemporaryDirectory() as folder:
            table = write_lines(Path(folder), options.lines, options.outputs)
            command = [sys.executable, "-m", "ecoface_blender.batch", str(table), "-o", f"{folder}/out"]
            if head != OWN:
                blend = f"{folder}/head.blend"
                made = [sys.executable, __file__, "--heads", head, "--save-head", blend]
                subprocess.run(made, check=True, stdout=subprocess.DEVNULL)
                command += ["--open", blend]
            measure([*command, "--workers", str(options.workers), *further], options, head)


def save_head(head: str, path: Path) -> None:
    """A Blender file with a head of another's making; in a process of its own."""
    import bpy
    import heads

    rest, faces, keys = heads.read_keys(None if head == ARKIT else Path(head), 0.0)
    heads.make_face(rest, faces, keys)
    bpy.ops.wm.save_as_mainfile(filepath=str(path), compress=False)
    sys.stdout.flush()
    os._exit(0)  # some of Blender's wheels do not return from their own clean-up


def write_lines(folder: Path, count: int, outputs: str) -> Path:
    """Sounds of 4 s and the CSV that names them."""
    with wave.open(str(DEMO), "rb") as file:
        parameters, samples = file.getparams(), file.readframes(file.getnframes())
    width = parameters.sampwidth * parameters.nchannels
    wanted = round(SECONDS * parameters.framerate) * width
    room = max(width, len(samples) - wanted)
    with (folder / "lines.csv").open("w", newline="") as text:
        rows = csv.writer(text)
        rows.writerow(["audio", "seed", "outputs"])
        for number in range(count):
            begin = number * 800 * width % room
            with wave.open(str(folder / f"line {number:04}.wav"), "wb") as file:
                file.setparams(parameters)
                file.writeframes((samples * 2)[begin : begin + wanted])
            rows.writerow([f"line {number:04}.wav", number, outputs])
    return folder / "lines.csv"


def measure(command: list[str], options: argparse.Namespace, head: str) -> None:
    """Run a batch and look at its processes after each of its lines."""
    running = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    memory: list[tuple[float, float]] = []
    busy: list[float] = []
    began = first = time.monotonic()
    assert running.stdout
    for said in running.stdout:
        if not said.rstrip().endswith("results.csv"):
            memory.append((resident(running.pid), sum(map(resident, children(running.pid)))))
            busy.append(sum(map(processor_seconds, (running.pid, *children(running.pid)))))
            first = time.monotonic() if len(memory) == 1 else first
        if not options.quiet:
            print(said, end="", flush=True)
    took = time.monotonic() - first
    start = min(STARTED, len(busy) - 2)
    a_line = (busy[-1] - busy[start]) / (len(busy) - 1 - start)
    warm = memory[min(WARM, len(memory)) - 1]
    print(
        f"head {head}, {len(memory)} lines of {SECONDS:g} s, {options.workers} workers, {options.outputs}: "
        f"{60 * (len(memory) - 1) / took:.1f} lines a minute, {first - began:.0f} s to the first; "
        f"{a_line:.3f} s of processor a line ({120 / a_line:.0f} a minute on two free cores); "
        f"Blender {warm[0]:.0f} MB at line {min(WARM, len(memory))}, {memory[-1][0]:.0f} MB at the end; "
        f"engines {warm[1]:.0f} and {memory[-1][1]:.0f} MB; exit code {running.wait()}; "
        f"load of the machine {os.getloadavg()[2]:.1f} on {os.cpu_count()} cores"
    )


def resident(process: int) -> float:
    """MB of a process; 0 where it has ended."""
    try:
        return int(Path(f"/proc/{process}/statm").read_text().split()[1]) * PAGE / 1e6
    except (OSError, IndexError):
        return 0.0


def processor_seconds(process: int) -> float:
    """That it has used; 0 where it has ended."""
    try:
        fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    except (OSError, IndexError):
        return 0.0


def children(process: int) -> list[int]:
    """The processes that it has started."""
    found = []
    for task in Path(f"/proc/{process}/task").glob("*/children"):
        found += [int(each) for each in task.read_text().split()]
    return found


if __name__ == "__main__":
    main()
