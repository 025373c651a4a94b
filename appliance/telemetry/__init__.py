"""Exporting what happened in turns to the operator's collector."""
