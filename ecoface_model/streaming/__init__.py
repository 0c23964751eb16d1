"""Motion before the whole of a voice is there: of a clip part by part, of a voice as it comes."""
