"""A corpus made by rule: synthetic voices with known phone times, emotional prosody, performances."""
