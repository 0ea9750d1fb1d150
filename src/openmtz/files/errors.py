"""The one error of files that are not read because of what they would do to who reads them."""

from __future__ import annotations


class UnsafeFileError(ValueError):
    """Larger than its limit, or not what its name says; the text names the file and the limit."""
