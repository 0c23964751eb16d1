"""Our own corpus: voices with phone times, emotional prosody, and the performances the model learns."""
