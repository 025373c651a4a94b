"""CSAI Appliance, the server: one process that gives every shop's website an assistant.

Owns the package's version; everything else lives in the modules named in docs/architecture.md.
"""

__version__ = "0.1.0"
