"""Two processes on this machine's CPU, as a user starts them: by `accelerate launch`."""

import os
import subprocess
import sys
from pathlib import Path

LAUNCH = (
    *(sys.executable, "-m", "accelerate.commands.launch", "--multi_gpu", "--num_processes", "2"),
    *("--num_machines", "1", "--mixed_precision", "no", "--dynamo_backend", "no", "--main_process_port", "0"),
)
ROOT = Path(__file__).parents[2]


def launch_two(*command: str, fails: bool = False) -> str:
    """Run a script, or -m and a module, in two processes; give what they printed."""
    paths = os.pathsep.join((str(ROOT), str(ROOT / "tests" / "support")))
    environment = os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": paths}
    done = subprocess.run(
        [*LAUNCH, *command], env=environment, cwd=ROOT, capture_output=True, text=True, timeout=300
    )
    output = done.stdout + done.stderr
    assert (done.returncode != 0) == fails, output
    return output
