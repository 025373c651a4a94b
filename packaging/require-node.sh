#!/bin/sh
# Says in one sentence what is missing when there is no usable Node.
set -eu
needed=20
if ! command -v node >/dev/null 2>&1 || ! command -v npm >/dev/null 2>&1; then
    echo "Node.js $needed or newer with npm is needed to build the chat widget. Install it and run this again." >&2
    exit 1
fi
found=$(node -p 'process.versions.node.split(".")[0]')
if [ "$found" -lt "$needed" ]; then
    echo "Node.js $needed or newer is needed to build the chat widget; $(node --version) was found." >&2
    exit 1
fi
