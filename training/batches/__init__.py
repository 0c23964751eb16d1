"""What a training step is given: crops of clips, drawn anew each step."""
