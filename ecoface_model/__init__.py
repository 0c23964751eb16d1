"""Speech -> FLAME motion. Read `pipeline.py` first."""
