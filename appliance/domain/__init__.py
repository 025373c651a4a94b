"""Plain data and rules of the product, without any I/O."""
