"""The profiles of this machine as a frame."""

from __future__ import annotations

from typing import TYPE_CHECKING

from b24data.auth.profiles import Profiles
from b24data.errors import ConfigError

if TYPE_CHECKING:
    import pandas as pd


def profiles() -> pd.DataFrame:
    """The portals that were signed in to on this machine: name, portal, user, kind, last_use. Nothing is sent.

    ``kind`` is ``application`` or ``webhook``, or says why the profile can't be read. ``last_use`` is when a client of
    it was last made or its tokens were last renewed. No secret is in the frame.

    >>> import os, tempfile
    >>> from b24data.auth.profiles import Profile
    >>> os.environ["B24DATA_CONFIG_DIR"] = tempfile.mkdtemp()
    >>> Profiles().save(Profile(name="acme", portal="acme.bitrix24.com", webhook="https://acme.bitrix24.com/rest/1/x/"))
    >>> profiles()[["name", "portal", "kind"]].to_dict("records")
    [{'name': 'acme', 'portal': 'acme.bitrix24.com', 'kind': 'webhook'}]
    >>> del os.environ["B24DATA_CONFIG_DIR"]
    """
    import pandas as pd

    kept, rows = Profiles(), []
    for name, one in kept.known():
        if isinstance(one, ConfigError):
            rows.append((name, "", "", f"can't be read: {one.description}", kept.last_use(name)))
        else:
            rows.append((name, one.portal, one.user, one.kind, kept.last_use(name)))
    frame = pd.DataFrame(rows, columns=["name", "portal", "user", "kind", "last_use"])
    frame["last_use"] = pd.to_datetime(frame["last_use"], unit="s", utc=True).dt.floor("s")
    return frame.astype(dict.fromkeys(["name", "portal", "user", "kind"], "string"))
