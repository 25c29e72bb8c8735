"""`python -m restauro`."""

from restauro.cli import main

if __name__ == "__main__":
    raise SystemExit(main())
