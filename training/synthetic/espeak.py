"""espeak-ng through ctypes: samples and the sample at which each phoneme starts.

THE place that knows libespeak-ng. The program is GPL; the sound it makes is free.
"""

import ctypes
from functools import lru_cache

import numpy as np
import soxr
from numpy.typing import NDArray

from ecoface_model.config import SAMPLE_RATE
from training.clips import SILENCE, CorpusError
from training.synthetic.ipa import to_arpabet
from training.synthetic.utterance import Phone, Utterance, covering

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
_SHORTEST_PAUSE = 0.03  # seconds; shorter unnamed phonemes are joints, not pauses


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
        waveform = soxr.resample(samples, self.rate, SAMPLE_RATE).astype(np.float32)
        return Utterance(waveform=waveform, phones=covering(phones, len(waveform) / SAMPLE_RATE))


def phones_of_events(events: list[tuple[str, int]], n_samples: int, rate: int) -> list[Phone]:
    """Phones between espeak's phoneme events; a phoneme of several phones is shared out evenly."""
    phones: list[Phone] = []
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


@lru_cache(maxsize=1)
def espeak() -> Espeak:
    """This process's espeak-ng, started at its first use."""
    return Espeak()
