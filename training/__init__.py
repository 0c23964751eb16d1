"""The whole recipe of the model; run from the repository, never installed."""
