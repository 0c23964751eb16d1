"""Heads that EcoFace did not make: what their keys are called and do, and the weights that let them speak."""
