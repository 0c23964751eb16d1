"""The whole recipe of the default model, run from the repository and never installed."""
