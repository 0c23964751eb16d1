"""The phone times of the real recordings we judge by, made again: `python -m training.real_speech`."""

import json

from ecoface_model.core.atomic_write import atomic_write
from training.data.alignment import align
from training.data.real_speech import PHONES, SOUNDS, TRANSCRIPTS, read_waveform
from training.runs.script import run_script


def main() -> None:
    """Align the five clips and keep their phone times."""
    known = {
        name: [
            (phone.name, round(phone.start, 3), round(phone.end, 3))
            for phone in align(read_waveform(SOUNDS, name), text)
        ]
        for name, text in TRANSCRIPTS.items()
    }
    PHONES.parent.mkdir(exist_ok=True)
    with atomic_write(PHONES) as temporary:
        temporary.write_text(json.dumps(known), encoding="utf-8")
    print(f"{PHONES.name}: {sum(map(len, known.values()))} phones of {len(known)} clips")


if __name__ == "__main__":
    run_script(main)
