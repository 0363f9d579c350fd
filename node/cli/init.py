"""`entente init`: configuration and keys of a new node."""

from pathlib import Path
from typing import Annotated

import typer

from node.cli.output import grouped, say, steps


def init(
    directory: Annotated[Path, typer.Argument(help="A new directory; it will hold everything of the node.")],
    *,
    country: Annotated[str, typer.Option(help="Country code, ISO 3166-1 alpha-2 (Greece is GR).")],
    peers_url: Annotated[str, typer.Option(help="Where other nodes reach this one, from outside.")],
    web_url: Annotated[str, typer.Option(help="The address that officials will type.")],
    name: Annotated[str, typer.Option(help="Name of the operator; the country's name if left out.")] = "",
    peers_listen: Annotated[str, typer.Option(help="Address and port for other nodes.")] = "0.0.0.0:7443",
    web_listen: Annotated[str, typer.Option(help="Address and port of dashboard and API.")] = "127.0.0.1:7080",
    health_listen: Annotated[str, typer.Option(help="Address and port of health and metrics.")] = "127.0.0.1:7090",
    time_zone: Annotated[str, typer.Option(help="Time zone of times on pages; the country's if left out.")] = "",
    language: Annotated[str, typer.Option(help="Language of pages for readers who haven't chosen one.")] = "en",
    demo: Annotated[bool, typer.Option("--demo", help="Mark every page as demonstration data.")] = False,
) -> None:
    r"""Make a new node: node.toml with comments, all keys (mode 0600), the operator's token, a candidate file.

    Nothing that exists is overwritten. Every next step is printed.

    \b
    Examples:
      entente init /srv/entente --country AT --peers-url https://node.example.at:7443 \
        --web-url https://entente.example.at --language de --time-zone Europe/Vienna
      entente init ./test --country HU --demo --peers-url https://127.0.0.1:7443 --web-url http://127.0.0.1:7080
    """
    from node.domain.day import zone_of
    from translations.languages import COUNTRIES, country_name

    shown = country_name(country, "en") if country in COUNTRIES else country
    values: dict[tuple[str, str], str | bool] = {
        ("node", "country"): country,
        ("node", "name"): name or shown,
        ("node", "language"): language,
        ("node", "time_zone"): time_zone or zone_of(country),
        ("node", "demo"): demo,
        ("peers", "listen"): peers_listen,
        ("peers", "url"): peers_url,
        ("peers", "find_nearby"): demo,
        ("web", "listen"): web_listen,
        ("web", "url"): web_url,
        ("health", "listen"): health_listen,
    }
    _make(directory, country, _checked(directory, values))
    _next_steps(directory, country)


def _make(directory: Path, country: str, text: str) -> None:
    """Write keys, token, candidate and, last, the configuration."""
    from node.cli.member_files import CANDIDATE, candidate_of, fingerprint
    from node.clock import SystemEntropy
    from node.config import FILE_NAME
    from node.service.tokens import new_operator_token
    from node.store.key_files import make_keys, write_secret

    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    entropy, keys = SystemEntropy(), directory / "keys"
    make_keys(keys, country, entropy)
    write_secret(keys / "operator.token", f"{new_operator_token(entropy.random(32))}\n".encode("ascii"))
    candidate = candidate_of(country, keys)
    (directory / CANDIDATE.format(country=country)).write_bytes(candidate.to_json() + b"\n")
    (directory / FILE_NAME).write_text(text, encoding="utf-8")
    say(f"Made {directory}: {FILE_NAME}, keys/ (back it up, keep it secret), {country}.candidate.json")
    say(f"Fingerprint of the candidate: {grouped(fingerprint(candidate))}")


def _checked(directory: Path, values: dict[tuple[str, str], str | bool]) -> str:
    """Return the text of node.toml, if it is right and nothing would be overwritten."""
    from node.cli.config_text import written
    from node.config import FILE_NAME, parse
    from node.errors import NodeError

    there = [path for path in (directory / FILE_NAME, directory / "keys", directory / "data") if path.exists()]
    if there:
        raise NodeError("exists", f"{there[0]} exists already; nothing was changed.", "Choose another directory.")
    text = written(values)
    parse(text, directory / FILE_NAME)
    return text


def _next_steps(directory: Path, country: str) -> None:
    steps(
        "Next, to found a new network:",
        [
            (f"entente member found -C {directory}", "Make a member list with this country alone."),
            (f"entente serve -C {directory}", "Start the node."),
        ],
    )
    steps(
        "Or, to join a network:",
        [
            (
                f"{directory}/{country}.candidate.json",
                "Send this file to the operator of a member; read its fingerprint to them on the telephone.",
            ),
            (
                f"entente member sign -C {directory} {country}.proposal.json",
                "Sign the proposal that you get back, and return the file that this makes.",
            ),
            (
                f"entente member join -C {directory} --root-sha256 HEX --from URL",
                "When they have published it: take the list over. They tell you HEX and URL.",
            ),
            (f"entente serve -C {directory}", "Start the node."),
        ],
    )
    steps(
        "Then:",
        [
            (
                f"deploy/systemd/entente.service loads it; docs/operating.md. Now: {directory}/keys/master.key",
                "Move the master key away from the data, to where only systemd reads it, or set node.master_key.",
            ),
            (f"entente directory import -C {directory} authorities.csv", "Publish your country's authorities."),
            (
                f"entente user add -C {directory} anna --name 'Anna Berger' --role handler --authority ID",
                "Add the first official; a one-time sign-in link is printed.",
            ),
            (f"entente doctor -C {directory}", "Check everything, now and whenever something seems wrong."),
        ],
    )
