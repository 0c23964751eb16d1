"""Actions, F-curves and layers: the only place that touches them."""
