"""Clips on disk, and what makes them: data sets, recordings, trackers' output, phones."""
