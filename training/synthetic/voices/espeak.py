"""espeak-ng through ctypes: samples and the sample at which each phoneme starts.

THE place that knows libespeak-ng. The program is GPL; the sound it makes is free.
"""

import ctypes
from functools import lru_cache

import numpy as np
import soxr
from numpy.typing import NDArray

from ecoface_model.core.constants import SAMPLE_RATE
from ecoface_model.core.phones import SILENCE
from training.data.clips import CorpusError
from training.data.utterance import Phone, Utterance, covering
from training.synthetic.voices.ipa import to_arpabet

LIBRARY = "libespeak-ng.so.1"
ACCENTS = (
    "en-us", "en", "en-gb-scotland", "en-gb-x-gbclan", "en-gb-x-rp", "en-gb-x-gbcwmd", "en-029", "en-us-nyc",
)  # fmt: skip
"""English accents by the names espeak takes ("en-gb" is not one of them)."""
VARIANTS = (
    "Alex", "Alicia", "Andrea", "Andy", "Annie", "Denis", "Diogo", "Gene", "Henrique", "Hugo", "Jacky", "Lee",
    "Marco", "Mario", "Michael", "Mike", "Nguyen", "adam", "anika", "antonio", "aunty", "belinda", "benjamin",
    "boris", "caleb", "david", "ed", "edward", "f1", "f2", "f3", "f4", "f5", "grandma", "grandpa", "iven",
    "john", "klatt2", "linda", "m1", "m2", "m3", "m4", "m5", "m7", "marcelo", "max", "michel", "miguel",
    "pablo", "paul", "pedro", "quincy", "rob", "robert", "sandro", "shelby", "steph", "travis", "victor",
)  # fmt: skip
"""Variants that sound like people, near enough: robots, croakers and whisperers are left out."""

_AUDIO_OUTPUT_SYNCHRONOUS = 2
_PHONEME_EVENTS_IN_IPA = 0x0003
_EVENT_PHONEME = 7
_RATE, _PITCH, _RANGE = 1, 3, 4
_UTF8 = 1
_VOICELESS_STOPS = frozenset({"P", "T", "K", "CH"})
_LONGEST_CLOSURE = 0.09  # seconds
_CLOSURE_AFTER_PAUSE = 0.06  # seconds; cannot be heard, but the mouth makes it
_SHORTEST_PAUSE = 0.06  # seconds; shorter unnamed phonemes are joints between words, not pauses


class _Id(ctypes.Union):
    _fields_ = (("number", ctypes.c_int), ("name", ctypes.c_char_p), ("string", ctypes.c_char * 8))


class _Event(ctypes.Structure):
    _fields_ = (
        ("type", ctypes.c_int),
        ("unique_identifier", ctypes.c_uint),
        ("text_position", ctypes.c_int),
        ("length", ctypes.c_int),
        ("audio_position", ctypes.c_int),
        ("sample", ctypes.c_int),
        ("user_data", ctypes.c_void_p),
        ("id", _Id),
    )


_Callback = ctypes.CFUNCTYPE(
    ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.POINTER(_Event)
)


class Espeak:
    """One running espeak-ng; there can be only one in a process, see `espeak()`."""

    def __init__(self) -> None:
        try:
            self._library = ctypes.CDLL(LIBRARY)
        except OSError as error:
            raise CorpusError(
                f"expected the library {LIBRARY}, found none; install it with `apt-get install espeak-ng`."
            ) from error
        self.rate: int = self._library.espeak_Initialize(
            _AUDIO_OUTPUT_SYNCHRONOUS, 0, None, _PHONEME_EVENTS_IN_IPA
        )
        self._samples: list[NDArray[np.int16]] = []
        self._events: list[tuple[str, int]] = []
        self._callback = _Callback(self._receive)  # kept: the library holds only its address
        self._library.espeak_SetSynthCallback(self._callback)

    def _receive(self, samples, n_samples, events) -> int:  # type: ignore[no-untyped-def]
        """Take one piece of sound and its events; the list of events ends with type 0."""
        if samples and n_samples:
            self._samples.append(np.ctypeslib.as_array(samples, (n_samples,)).copy())
        index = 0
        while samples and events[index].type:
            if events[index].type == _EVENT_PHONEME:
                name = events[index].id.string.decode("utf-8", "ignore")
                self._events.append((name, events[index].sample))
            index += 1
        return 0

    def speak(
        self, text: str, voice: str, *, words_per_minute: int, pitch: int, pitch_range: int
    ) -> Utterance:
        """Speak a text; `voice` is an accent or language with a variant, such as "en-us+f2".

        Raises:
            CorpusError: if espeak-ng has no such voice.
        """
        self._samples.clear()
        self._events.clear()
        if self._library.espeak_SetVoiceByName(voice.encode()) != 0:
            raise CorpusError(f"expected espeak-ng to know the voice {voice!r}, found that it does not.")
        for parameter, value in ((_RATE, words_per_minute), (_PITCH, pitch), (_RANGE, pitch_range)):
            self._library.espeak_SetParameter(parameter, value, 0)
        encoded = text.encode()
        self._library.espeak_Synth(encoded, len(encoded) + 1, 0, 1, 0, _UTF8, None, None)
        self._library.espeak_Synchronize()
        samples = np.concatenate(self._samples).astype(np.float32) / 32768
        phones = phones_of_events(self._events, len(samples), self.rate)
        phones = with_closures(phones, samples, self.rate)
        waveform = soxr.resample(samples, self.rate, SAMPLE_RATE).astype(np.float32)
        return Utterance(waveform=waveform, phones=covering(phones, len(waveform) / SAMPLE_RATE))


def phones_of_events(events: list[tuple[str, int]], n_samples: int, rate: int) -> list[Phone]:
    """Phones between espeak's phoneme events; a phoneme of several phones is shared out evenly."""
    phones = [Phone(SILENCE, 0.0, events[0][1] / rate)] if events and events[0][1] > 0 else []
    ends = [sample for _, sample in events[1:]] + [n_samples]
    for (ipa, sample), end_sample in zip(events, ends, strict=True):
        start, end = sample / rate, end_sample / rate
        names = to_arpabet(ipa)
        if not names and phones and end - start < _SHORTEST_PAUSE:
            phones[-1] = Phone(phones[-1].name, phones[-1].start, end)
            continue
        names = names or (SILENCE,)
        step = (end - start) / len(names)
        phones += [Phone(name, start + i * step, start + (i + 1) * step) for i, name in enumerate(names)]
    return phones


def with_closures(phones: list[Phone], samples: NDArray[np.float32], rate: int) -> list[Phone]:
    """Voiceless stops with their closure: espeak's event comes at the burst, the mouth closes before it."""
    closed = phones[:1]
    for phone in phones[1:]:
        before = closed[-1]
        start = phone.start
        if phone.name in _VOICELESS_STOPS:
            if before.name == SILENCE:
                start -= min(_CLOSURE_AFTER_PAUSE, (before.end - before.start) / 2)
            else:
                start = max(_closure_start(samples, rate, start), (before.start + before.end) / 2)
        closed[-1] = Phone(before.name, before.start, start)
        closed.append(Phone(phone.name, start, phone.end))
    return closed


def _closure_start(samples: NDArray[np.float32], rate: int, burst: float) -> float:
    """Where the hush before a burst begins: back in 5 ms steps while a tenth as loud as what came before."""
    step = round(rate * 0.005)
    n_steps = round(_LONGEST_CLOSURE / 0.005)
    end = round(burst * rate)
    before = samples[max(0, end - 2 * n_steps * step) : end]
    blocks = before[len(before) % step :].reshape(-1, step)
    loud = np.sqrt(np.mean(blocks**2, axis=1)) > 0.1 * np.sqrt(np.mean(blocks**2, axis=1).max(initial=0))
    n_quiet = int(np.argmax(loud[::-1])) if loud.any() else 0
    return burst - min(n_quiet, n_steps) * step / rate


@lru_cache(maxsize=1)
def espeak() -> Espeak:
    """This process's espeak-ng, started at its first use."""
    return Espeak()
