"""Commands that are given a digest in base64url, such as a key's name (RFC 7638): one in 64 begins with a hyphen."""

import re
from typing import Any

from typer.core import TyperCommand
from typing_extensions import override

_LIKE_AN_OPTION = re.compile(r"-[A-Za-z0-9_-]{42}")


class DigestCommand(TyperCommand):
    """A command that reads such a word as an argument, where an option is looked for otherwise."""

    @override
    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Put digests that begin with a hyphen behind `--`."""
        digests = [word for word in args if _LIKE_AN_OPTION.fullmatch(word)]
        if digests and "--" not in args:
            args = [*(word for word in args if word not in digests), "--", *digests]
        return super().parse_args(ctx, args)
