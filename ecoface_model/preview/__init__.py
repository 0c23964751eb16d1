"""A motion to look at: a video with its sound, or a sheet of pictures."""
