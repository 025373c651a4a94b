"""The ways to tell a shop that a visitor needs a person, one module each."""
