"""Checks a packaged program: its size, its own self-test, and that it says nothing unexpected.

Run as ``python packaging/check_frozen.py FOLDER``; needs nothing but the standard library.
"""

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

MAX_SIZE_MB = 190
DEADLINE_S = 120


def main() -> int:
    """Return 0 when the program in the given folder is fit to be shipped."""
    folder = Path(sys.argv[1]).resolve()
    program = folder / ("csai.exe" if os.name == "nt" else "csai")
    files = [path for path in folder.rglob("*") if path.is_file() and not path.is_symlink()]
    size_mb = sum(path.stat().st_size for path in files) / 1e6
    with tempfile.TemporaryDirectory(prefix="csai-home-") as home:
        environment = {
            "HOME": home,
            "PATH": os.environ.get("PATH", ""),
            "LANG": "C.UTF-8",
            "QT_QPA_PLATFORM": "offscreen",
        }
        if os.name == "nt":
            environment |= {"SYSTEMROOT": os.environ["SYSTEMROOT"], "TEMP": home, "TMP": home}
        started = time.monotonic()
        done = subprocess.run(
            [program, "selftest"],
            env=environment,
            cwd=home,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=DEADLINE_S,
            check=False,
        )
        took_s = time.monotonic() - started
    print(done.stdout, end="")
    problems = []
    if done.returncode != 0:
        problems.append(f"selftest ended with {done.returncode}")
    if done.stderr.strip():
        problems.append(f"unexpected output:\n{done.stderr}")
    if size_mb > MAX_SIZE_MB:
        problems.append(f"{size_mb:.0f} MB unpacked, more than {MAX_SIZE_MB}")
    print(f"{size_mb:.0f} MB unpacked, selftest took {took_s:.1f} s")
    for problem in problems:
        print(problem, file=sys.stderr)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
