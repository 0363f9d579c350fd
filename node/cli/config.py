"""`entente config`: check and explain node.toml."""

import typer

from node.cli.context import HERE, ConfigOption, configuration
from node.cli.output import say

app = typer.Typer(no_args_is_help=True, help="Check and explain the configuration.")


@app.command()
def check(config: ConfigOption = HERE) -> None:
    r"""Read node.toml and say whether it is right; errors name file, line and key.

    \b
    Examples:
      entente config check
      entente config check -C /srv/entente/node.toml
    """
    loaded = configuration(config)
    say(f"{loaded.folder}: right. Country {loaded.country}, data in {loaded.data}, keys in {loaded.keys}")


@app.command()
def describe() -> None:
    r"""Print an example of node.toml that explains every key and its default.

    \b
    Examples:
      entente config describe
      entente config describe > node.toml
    """
    from node.config import describe as manual

    print(manual(), end="")
