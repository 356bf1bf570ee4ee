"""``python -m hven.cli``."""

import sys

from hven.cli import main

sys.exit(main())
