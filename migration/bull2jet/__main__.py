"""`python -m bull2jet`."""

from __future__ import annotations

import sys

from bull2jet import main

if __name__ == "__main__":
    sys.exit(main())
