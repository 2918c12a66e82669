"""`python -m jetbull`: the command, where the script `jetbull` is not at hand."""

from __future__ import annotations

import sys

from jetbull.cli import main

if __name__ == "__main__":
    sys.exit(main())
