"""Building blocks of the head that ships; `training/reference_head.py` puts them together."""
