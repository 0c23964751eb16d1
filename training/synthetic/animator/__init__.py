"""An animator in rules: performances for a corpus without cameras."""
