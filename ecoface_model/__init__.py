"""Speech -> FLAME motion. Read `pipeline.py` first."""

__version__ = "0.1.0"
