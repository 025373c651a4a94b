"""What the product needs from the outside, one small Protocol per module."""
