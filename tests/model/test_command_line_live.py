"""`ecoface live`, with a sound in the place of a microphone."""

import os
import signal
import sys
from types import SimpleNamespace

import numpy as np
import pytest
import soundfile
from tiny_model import voice

from ecoface_model.__main__ import main
from ecoface_model.core.motion_file import FlameMotion
from ecoface_model.streaming.speech_stream import SpeechStream


class Unplugged(Exception):
    pass


def plug_in(monkeypatch: pytest.MonkeyPatch, sound: np.ndarray, rate: int = 16_000) -> None:
    """A sounddevice whose microphone hears this sound at once, then nothing."""

    class InputStream:
        def __init__(self, *, blocksize: int, callback, **options) -> None:
            self.blocksize, self.callback, self.options = blocksize, callback, options
            assert options["samplerate"] == rate and options["channels"] == 1

        def __enter__(self) -> None:
            for begin in range(0, len(sound), self.blocksize):
                block = sound[begin : begin + self.blocksize, None]
                self.callback(block, len(block), None, None)

        def __exit__(self, *_error) -> None:
            pass

    def query_devices(device, _kind):
        if device not in (None, 0):
            raise ValueError(f"No input device matching {device!r}")
        return {"default_samplerate": float(rate)}

    module = SimpleNamespace(InputStream=InputStream, query_devices=query_devices, PortAudioError=Unplugged)
    monkeypatch.setitem(sys.modules, "sounddevice", module)
    monkeypatch.setattr("ecoface_model.streaming.microphone.PATIENCE", 0.2)


def test_what_is_said_becomes_a_motion_and_a_sound(tiny_model_file, tmp_path, monkeypatch, capsys):
    plug_in(monkeypatch, voice(4.0))
    arguments = ["live", "-o", str(tmp_path / "a.npz"), "--sound", str(tmp_path / "a.wav"), "--seconds", "3"]
    assert main([*arguments, "--emotion", "happy", "--model", str(tiny_model_file), "--device", "cpu"]) == 0
    motion = FlameMotion.read(tmp_path / "a.npz")
    assert motion.n_frames == 75 and motion.metadata["source"] == "microphone"
    assert motion.metadata["emotion"] == "happy:1.5" and motion.phones is not None
    assert motion.head is not None and motion.gaze is not None
    assert abs(soundfile.info(tmp_path / "a.wav").duration - 3) < 0.01
    assert "75 frames, 3.0 s of speech" in capsys.readouterr().out


def test_an_interrupt_ends_it_well(tiny_model_file, tmp_path, monkeypatch, capsys):
    plug_in(monkeypatch, voice(3.0))
    real = SpeechStream.feed

    def feed(stream, samples):
        os.kill(os.getpid(), signal.SIGINT)  # as if Ctrl+C were pressed while frames are made
        return real(stream, samples)

    monkeypatch.setattr(SpeechStream, "feed", feed)
    handler = signal.getsignal(signal.SIGINT)
    assert (
        main(["live", "-o", str(tmp_path / "a.npz"), "--model", str(tiny_model_file), "--device", "cpu"]) == 0
    )
    assert FlameMotion.read(tmp_path / "a.npz").n_frames == 2, "the one block that was heard"
    assert signal.getsignal(signal.SIGINT) == handler


def test_what_was_said_before_the_microphone_fell_silent_is_kept(
    tiny_model_file, tmp_path, monkeypatch, capsys
):
    plug_in(monkeypatch, voice(2.0, seed=1).repeat(3), rate=48_000)
    assert (
        main(["live", "-o", str(tmp_path / "a.npz"), "--model", str(tiny_model_file), "--device", "cpu"]) == 2
    )
    assert FlameMotion.read(tmp_path / "a.npz").n_frames in (49, 50)
    assert "found none for 0.2 s" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (["--input", "none such"], "expected a microphone 'none such'"),
        (["--seconds", "0"], "expected --seconds above 0"),
        (["--sound", "a.mp3"], "expected a result ending in .wav or .flac"),
    ],
)
def test_what_cannot_be_done_is_one_sentence(tiny_model_file, tmp_path, monkeypatch, capsys, more, said):
    plug_in(monkeypatch, voice(1.0))
    monkeypatch.chdir(tmp_path)
    assert main(["live", "-o", "a.npz", "--model", str(tiny_model_file), "--device", "cpu", *more]) == 2
    assert said in capsys.readouterr().err and not (tmp_path / "a.npz").exists()


def test_without_sounddevice_it_is_said_what_to_install(tiny_model_file, tmp_path, monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "sounddevice", None)
    monkeypatch.chdir(tmp_path)
    assert main(["live", "-o", "a.npz", "--model", str(tiny_model_file), "--device", "cpu"]) == 2
    assert 'pip install "ecoface[live]"' in capsys.readouterr().err
