"""``python -m b24data.sandbox``."""

import sys

from b24data.sandbox.shell import main

sys.exit(main())
