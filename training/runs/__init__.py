"""A training under way: its folder, its processes, what its stages share."""
