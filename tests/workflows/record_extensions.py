"""Keeps what n8n's own expression engine answers to the expressions of ``extension-answers.json``.

``python -m tests.workflows.record_extensions CACHE_FOLDER [EXPRESSION …]`` asks the n8n that
``n8n_server`` installs there, without starting it, and adds the expressions given. Owns nothing
else; the comparison is in ``test_extensions``.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from tests.workflows.expression_cases import SAMPLE
from tests.workflows.n8n_server import install
from tests.workflows.workflow_runs import NOW

ANSWERS = Path(__file__).parent / "extension-answers.json"
ZONE = "Asia/Jerusalem"


def load_answers() -> dict[str, dict[str, Any]]:
    """Return n8n's answers by expression: ``{"value"}``, ``{}`` for undefined, ``{"error"}``."""
    answers: dict[str, dict[str, Any]] = json.loads(ANSWERS.read_text(encoding="utf-8"))
    return answers


def main() -> None:
    """Ask n8n anew and keep its answers."""
    expressions = list(dict.fromkeys([*load_answers(), *sys.argv[2:]]))
    asked = {
        "sample": SAMPLE,
        "nowMs": int(NOW.timestamp() * 1000),
        "timeZone": ZONE,
        "expressions": expressions,
    }
    script = Path(__file__).parent / "n8n_expressions.cjs"
    folder = install(Path(sys.argv[1]).resolve())
    answered = subprocess.run(
        ["node", str(script), str(folder)],
        input=json.dumps(asked),
        capture_output=True,
        check=True,
        text=True,
        env={**os.environ, "TZ": "UTC"},
    )
    answers = zip(expressions, json.loads(answered.stdout), strict=True)
    lines = [
        f" {json.dumps(expression, ensure_ascii=False)}: {json.dumps(answer, ensure_ascii=False)}"
        for expression, answer in answers
    ]
    ANSWERS.write_text("{\n" + ",\n".join(lines) + "\n}\n", encoding="utf-8")


if __name__ == "__main__":
    main()
