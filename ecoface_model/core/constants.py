"""The clocks, the order of a frame's 53 numbers (Eq. 1), the emotions, and the landmarks of lips and lids."""


def exact_div(whole: int, part: int) -> int:
    """whole / part, of rates and lengths that divide.

    Raises:
        ValueError: if they do not.
    """
    if whole % part:
        raise ValueError(f"expected a multiple of {part}, found {whole}; choose rates that divide")
    return whole // part


SAMPLE_RATE = 16_000  # Hz, speech waveform (Sec. 4.1)
FRAME_RATE = 25  # Hz, one FLAME parameter vector per frame (Sec. 4.1)
FEATURES_PER_FRAME = 2  # content and emotion run at 50 Hz: the paper's 2T
FEATURE_RATE = FRAME_RATE * FEATURES_PER_FRAME  # Hz
SAMPLES_PER_FRAME = exact_div(SAMPLE_RATE, FRAME_RATE)  # 640

LONGEST = (
    12 * 3600
)  # seconds of one sound or motion; longer ones are damaged files, or made to fill the memory

LONGEST_IDLE = 600.0  # seconds after a sound in which a face may go on living
MOST_MOTION = 2.0  # of head and gaze; 1 is as people move

EXPRESSION_DIM = 50  # psi, Eq. (1)
JAW_DIM = 3  # theta^jaw, axis-angle in radians, Eq. (1)
MOTION_DIM = EXPRESSION_DIM + JAW_DIM  # 53
HEAD_DIM = 3  # FLAME's neck, axis-angle in radians; beside Eq. (1)
GAZE_DIM = 2  # both eyes' yaw and pitch in radians; beside Eq. (1)

EMOTIONS = ("neutral", "calm", "happy", "sad", "angry", "fearful", "disgust", "surprised")
"""RAVDESS's eight, in its order."""

INTENSITIES = ("normal", "strong")
"""RAVDESS's two; as numbers they are 1 and 2, with 0 for no emotion at all. Neutral has only the first."""

N_LABELS = 1 + (len(EMOTIONS) - 1) * len(INTENSITIES)
"""Neutral, then each emotion at intensity 1 and 2: the order of `sources.label_prototypes`."""

BASELINE_KINDS = ("lines", "neutral")
"""Of voice baselines: from several lines in whatever mood, or from neutral ones."""

DEFAULT_INTENSITY = 1.5
"""Of a label given without one; ours: between the two, so that it can be read without looking acted."""

UPPER_INNER, LOWER_INNER = [61, 62, 63], [67, 66, 65]
"""Inner-lip landmarks (iBUG) that face one another, from the subject's right to the left."""
UPPER_LIDS, LOWER_LIDS = [37, 38, 43, 44], [41, 40, 47, 46]
"""Lid landmarks that face one another."""
