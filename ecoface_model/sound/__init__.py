"""Sounds of any kind, damaged ones too, as mono waveforms; with what was lost and what was chosen."""
