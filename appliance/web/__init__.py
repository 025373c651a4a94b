"""HTTP: the public and the admin listener."""
