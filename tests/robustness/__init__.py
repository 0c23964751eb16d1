"""What EcoFace does with damaged inputs, a troubled engine, and many lines: `python -m tests.robustness`."""
