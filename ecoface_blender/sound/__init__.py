"""What the sequencer plays, when, and as which samples."""
