"""What holds for every test: none of them reads or leaves state of the user who runs them."""

import atexit
import os
import tempfile

# Before any client is made, and for the programs that tests start.
_FOLDER = tempfile.TemporaryDirectory(prefix="b24data-tests-")
atexit.register(_FOLDER.cleanup)
os.environ["B24DATA_STATE_DIR"] = _FOLDER.name
