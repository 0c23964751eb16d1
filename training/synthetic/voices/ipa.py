# ruff: noqa: RUF001 (IPA is made of such letters)
"""IPA, as espeak-ng names its phonemes in any language, to the ARPAbet of our clips.

The target is what the mouth shows: sounds that English lacks go to the nearest mouth shape, not the nearest
sound (a trilled r is a tongue tip, hence D; front rounded vowels are rounded, hence UW and UH).
"""

TABLE: dict[str, tuple[str, ...]] = {
    # plosives, nasals
    "p": ("P",), "b": ("B",), "t": ("T",), "d": ("D",), "k": ("K",), "ɡ": ("G",), "g": ("G",), "c": ("K",),
    "q": ("K",), "ɟ": ("G",), "ʔ": ("HH",), "m": ("M",), "n": ("N",), "ŋ": ("NG",), "ɲ": ("N",), "ɳ": ("N",),
    "ʈ": ("T",), "ɖ": ("D",),
    # fricatives
    "f": ("F",), "v": ("V",), "θ": ("TH",), "ð": ("DH",), "s": ("S",), "z": ("Z",), "ʃ": ("SH",),
    "ʒ": ("ZH",), "h": ("HH",), "ɦ": ("HH",), "x": ("HH",), "χ": ("HH",), "ç": ("HH",), "ɣ": ("G",),
    "β": ("B",), "ɸ": ("F",), "ʁ": ("G",), "ʂ": ("SH",), "ɕ": ("SH",), "ʐ": ("ZH",), "ʑ": ("ZH",),
    "ʝ": ("Y",),
    # affricates
    "tʃ": ("CH",), "dʒ": ("JH",), "ts": ("T", "S"), "dz": ("D", "Z"), "pf": ("P", "F"),
    # liquids, glides, flaps, trills
    "l": ("L",), "ɫ": ("L",), "ʎ": ("L",), "ɹ": ("R",), "ɻ": ("R",), "r": ("D",), "ɾ": ("D",), "j": ("Y",),
    "w": ("W",), "ʍ": ("W",), "ɥ": ("W",), "ʋ": ("V",),
    # vowels
    "iː": ("IY",), "i": ("IY",), "ɪ": ("IH",), "ᵻ": ("IH",), "ɨ": ("IH",), "e": ("EH",), "eː": ("EH",),
    "ɛ": ("EH",), "æ": ("AE",), "a": ("AA",), "ɑ": ("AA",), "ɒ": ("AO",), "ɔ": ("AO",), "o": ("OW",),
    "ʊ": ("UH",), "u": ("UW",), "ʉ": ("UW",), "y": ("UW",), "ʏ": ("UH",), "ø": ("UH",), "œ": ("UH",),
    "ə": ("AH",), "ɐ": ("AH",), "ʌ": ("AH",), "ɤ": ("AH",), "ɜ": ("AH",), "ɜː": ("ER",),
    "ɚ": ("ER",), "ɝ": ("ER",),
    # diphthongs
    "eɪ": ("EY",), "ei": ("EY",), "aɪ": ("AY",), "ai": ("AY",), "ɔɪ": ("OY",), "oɪ": ("OY",), "ɔø": ("OY",),
    "ɔy": ("OY",), "aʊ": ("AW",), "au": ("AW",), "ʌʉ": ("AW",), "oʊ": ("OW",), "əʊ": ("OW",), "ɛʊ": ("OW",),
    "iə": ("IH", "AH"), "eə": ("EH", "AH"), "ʊə": ("UH", "AH"), "aɪə": ("AY", "AH"), "aʊə": ("AW", "AH"),
    "aɪɚ": ("AY", "ER"), "əɹ": ("ER",), "ʌɹ": ("ER",),
}  # fmt: skip
"""IPA to phones, in order; the longest key wins."""

_LONGEST = max(map(len, TABLE))


def to_arpabet(ipa: str) -> tuple[str, ...]:
    """The phones of one of espeak's phonemes, such as ("AO", "R") for "ɔːɹ".

    Length marks and nasal tildes are passed over, as is any sign that is not in the table.
    """
    phones: list[str] = []
    position = 0
    while position < len(ipa):
        for length in range(_LONGEST, 0, -1):
            if found := TABLE.get(ipa[position : position + length]):
                phones.extend(found)
                position += length
                break
        else:
            position += 1
    return tuple(phones)
