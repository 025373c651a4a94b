"""The nodes that can run here, one module each, found by ``appliance.workflows.registry``."""
