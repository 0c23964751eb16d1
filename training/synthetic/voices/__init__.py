"""Synthetic speech: what is said, by whom, and with which prosody."""
