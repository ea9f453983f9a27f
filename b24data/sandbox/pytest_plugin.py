"""Where installations of before look for the plugin."""

from b24data.testing.plugin import b24_sandbox

__all__ = ["b24_sandbox"]
