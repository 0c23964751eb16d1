"""Where an emotion comes from: a label, a track, a voice that is heard, a performance that is seen."""
