"""The shapes of bodies that only HTTP knows."""
