"""``python -m bigview``."""

import sys

from bigview.cli import main

if __name__ == "__main__":
    sys.exit(main())
