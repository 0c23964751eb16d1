"""Without a window: one line, thousands, or the check of a head."""
