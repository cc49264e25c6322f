"""A kernel's release as a number."""

from __future__ import annotations

from itertools import islice


def version_code(release: str) -> int:
    """LINUX_VERSION_CODE of a release such as `6.1.0-18-amd64`; kernels before 5.0 compare it with their own."""
    numbers = (_leading_number(part) for part in (*release.split(".", 2), "", ""))
    major, minor, sublevel = islice(numbers, 3)
    return (major << 16) + (minor << 8) + min(sublevel, 255)


def _leading_number(text: str) -> int:
    digits = text[: len(text) - len(text.lstrip("0123456789"))]
    return int(digits or 0)
