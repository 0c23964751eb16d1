"""Triangles to pictures: the raster, grey faces for the visual encoder, portraits for people."""
