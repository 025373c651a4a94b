"""The command line ``csai``: one module per command."""
