"""Whether the user of a client is an administrator."""

from __future__ import annotations

from b24data.errors import SdkError


class Admin:
    """Whether the user is an administrator, once that has been asked."""

    _admin: bool | None = None

    @property
    def is_admin(self) -> bool:
        """Whether the user is an administrator. Raises :class:`SdkError` before ``init_is_admin()``."""
        if self._admin is None:
            raise SdkError(
                "isAdmin not init. You need call B24OAuth::initIsAdmin().", hint="here it is b24.init_is_admin()"
            )
        return self._admin

    def set_admin(self, admin: bool) -> None:
        """What the portal said."""
        self._admin = admin
