"""The appliance beside a real n8n: its client, signing in, and the demo shop's conversations.

Run as ``python -m tests.workflows.appliance_with_n8n CACHE_FOLDER``; exits 1 at a fault. Owns what
is tried in which order; workflow by workflow is compared by ``real_n8n``.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.workflows.n8n_conversations import CONVERSATIONS, compare_conversations
from tests.workflows.n8n_server import N8nServer, install, run_n8n
from tests.workflows.n8n_sign_in import check_sign_in, list_ways

CONTRACT = Path(__file__).parents[1] / "contract" / "test_n8n_client.py"


def check_client(n8n: N8nServer) -> bool:
    """Run the contract's tests against this n8n."""
    settings = {"CSAI_TEST_N8N_URL": n8n.base_url, "CSAI_TEST_N8N_KEY": n8n.api_key}
    command = [sys.executable, "-m", "pytest", "-q", "-k", "TestRealN8n", str(CONTRACT)]
    return subprocess.run(command, env=os.environ | settings, check=False).returncode == 0


def main() -> int:
    """Try everything and print what went wrong."""
    folder = install(Path(sys.argv[1]).resolve())
    with (
        tempfile.TemporaryDirectory(prefix="n8n-appliance-") as home,
        run_n8n(folder, Path(home), []) as n8n,
    ):
        differences = compare_conversations(n8n)
        faults = check_sign_in(n8n)
        is_client_right = check_client(n8n)
    for line in (*differences, *faults):
        print(line)
    print(
        f"{len(CONVERSATIONS)} conversations with and without n8n, {len(differences)} answers "
        f"differ; {len(list_ways())} ways to sign in, {len(faults)} faults."
    )
    return 0 if is_client_right and not differences and not faults else 1


if __name__ == "__main__":
    sys.exit(main())
