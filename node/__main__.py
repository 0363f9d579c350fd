"""`entente`, and `python -m node`."""

import os
import sys
from collections.abc import Sequence

from node.cli.app import app
from node.cli.output import complain
from node.errors import NodeError


def main(arguments: Sequence[str] | None = None) -> None:
    """Run a command and exit: 0 all is well, 1 problems, 2 it was called wrongly. Never a traceback.

    ENTENTE_DEBUG=1 shows it.
    """
    try:
        app(args=list(arguments) if arguments is not None else None, prog_name="entente")
    except NodeError as error:
        if os.environ.get("ENTENTE_DEBUG") == "1":
            raise
        _refuse(error)
    except Exception as error:
        if os.environ.get("ENTENTE_DEBUG") == "1":
            raise
        hint = "ENTENTE_DEBUG=1 shows where; please report it."
        _refuse(NodeError("internal", f"{type(error).__name__}: {error}", hint))


def _refuse(error: NodeError) -> None:
    complain(f"entente: {error.code}: {error.message}", *(f"  {field}: {code}" for field, code in error.fields.items()))
    if error.hint:
        complain(f"hint: {error.hint}")
    sys.exit(1)


if __name__ == "__main__":
    main()
