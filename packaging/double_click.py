"""What the bundle's program runs: the page, at a double click or for a picture dropped on it; else the commands."""

import sys
from multiprocessing import freeze_support
from pathlib import Path

HELLO = "restauro opens in your browser. To end it, press End on its first page, or close this window: nothing is lost."


def main() -> int:
    """Open the page where there is no argument, or a picture alone; a window that says why it failed stays open."""
    from restauro.__main__ import main as run

    clicked = len(sys.argv) == 1 or (len(sys.argv) == 2 and Path(sys.argv[1]).is_file())
    if not clicked:
        return run()
    print(HELLO, file=sys.stderr, flush=True)
    sys.argv.insert(1, "serve")
    status = run()
    if status and sys.stdin and sys.stdin.isatty():
        input("Press Enter to close this window.")
    return status


if __name__ == "__main__":
    freeze_support()
    sys.exit(main())
