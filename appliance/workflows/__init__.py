"""The embedded runner of n8n-format workflows: the same files, without an n8n.

Owns reading, checking and running them; which tenant's tool runs which workflow is left to
``appliance.tools``.
"""
