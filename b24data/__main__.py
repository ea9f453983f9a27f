"""``python -m b24data`` is the command ``b24data``."""

import sys

from b24data.cli.main import main

sys.exit(main())
