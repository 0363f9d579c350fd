"""`entente directory status`, `prove`, `check-proof`, `keys` and `new-log`: the transparency logs."""

import datetime as dt
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from node.cli.context import HERE, ConfigOption, JsonOption, YesOption, configuration, read_file, run, write_file
from node.cli.member_keys import UnaskedOption, ask_peers
from node.cli.output import as_json, say, table
from node.errors import NodeError

if TYPE_CHECKING:
    from directory_sync.proof_file import Listed
    from directory_sync.trust import Convicted, Trust
    from node.service.freshness import LogState
    from node.service.node import Node


def status(config: ConfigOption = HERE, json: JsonOption = False) -> None:
    r"""Show each country's directory log: its size and root, who has witnessed it, and how old it is.

    \b
    Examples:
      entente directory status
      entente directory status --json
    """

    async def work(node: "Node") -> "tuple[list[LogState], dt.datetime]":
        from node.service import freshness

        return freshness.states(node), node.clock.now()

    states, now = run(config, work)
    if json:
        as_json([_values(state) for state in states])
        return
    headings = ("country", "size", "root", "witnessed by", "age", "state")
    table(headings, [_row(state, now) for state in states])


def _values(state: "LogState") -> dict[str, Any]:
    return {
        "country": state.country,
        "log": state.origin,
        "size": state.size,
        "root": state.root,
        "waiting": state.waiting,
        "confirmed_at": state.confirmed_at.isoformat(),
        "grade": state.grade,
        "witnesses": {country: at.isoformat() for country, at in sorted(state.witnesses.items())},
        "needed": state.needed,
        "witnessed": state.witnessed,
        "withheld": state.withheld,
        "frozen": state.frozen,
    }


def _row(state: "LogState", now: dt.datetime) -> tuple[str, ...]:
    seen = ", ".join(sorted(state.witnesses)) or "nobody"
    minutes = int((now - state.confirmed_at).total_seconds() // 60)
    age = f"{minutes} min" if minutes < 120 else f"{minutes // 60} h"  # noqa: PLR2004 - up to two hours in minutes
    words: list[str] = [state.grade] if state.frozen is None else [f"frozen: {state.frozen}"]
    if not state.witnessed:
        words.append(f"not yet witnessed, {len(state.witnesses)} of {state.needed}")
    if state.withheld:
        words.append(f"{state.withheld} records withheld")
    if state.waiting:
        words.append(f"{state.waiting} changes wait for a checkpoint")
    return state.country, str(state.size), state.root[:12], seen, age, "; ".join(words)


def prove(
    authority: Annotated[str, typer.Argument(help="The authority's id.")],
    at: Annotated[
        str, typer.Option("--at", metavar="DATE", help="A day, 2026-03-01, or a time, 2026-03-01T12:00:00Z.")
    ],
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="A new file; AUTHORITY.tlog-proof if left out.")
    ] = None,
    config: ConfigOption = HERE,
) -> None:
    r"""Write a proof of what was listed of an authority at a time, for somebody who has no node.

    The file is a C2SP tlog-proof: the last change until then, its place in the country's log, and the log's newest
    checkpoint with its witnesses. It holds the record too, as long as that is the present one.

    \b
    Examples:
      entente directory prove DE-zaek-berlin --at 2026-03-01
      entente directory keys -o keys.txt; entente directory check-proof DE-zaek-berlin.tlog-proof --keys keys.txt
    """
    latest = _latest(at)

    async def work(node: "Node") -> tuple[bytes, str]:
        from node.service.proving import prove as proven

        found = proven(node, authority, latest)
        words = f"{found.leaf.op} of version {found.leaf.v}, published at {found.leaf.at}"
        if found.erased_at is not None:
            words += f". The record was erased at {found.erased_at}; its leaf, and this proof of it, stand"
        return found.file, words

    data, words = run(config, work)
    path = output or Path(f"{authority}.tlog-proof")
    write_file(path, data)
    say(f"Wrote {path}: {authority}, {words}.")


def _latest(text: str) -> str:
    """Return the end of a day, or a time, as leaves have it."""
    try:
        if len(text) == len("2026-03-01"):
            return f"{dt.date.fromisoformat(text).isoformat()}T23:59:59Z"
        found = dt.datetime.fromisoformat(text)
    except ValueError:
        raise typer.BadParameter("a day, 2026-03-01, or a time, 2026-03-01T12:00:00Z", param_hint="--at") from None
    if found.tzinfo is None:
        raise typer.BadParameter("a time needs its zone: 2026-03-01T12:00:00Z", param_hint="--at")
    return found.astimezone(dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def keys(
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="A new file; standard output if left out.")
    ] = None,
    config: ConfigOption = HERE,
) -> None:
    r"""Write the keys of all logs and witnesses, from the member list, for `check-proof` elsewhere.

    \b
    Examples:
      entente directory keys -o keys.txt
    """
    text = run(config, _trust).to_text()
    if output is None:
        typer.echo(text, nl=False)
        return
    write_file(output, text.encode())
    say(f"Wrote {output}")


async def _trust(node: "Node") -> "Trust":
    from node.service.proving import trust_of

    return trust_of(node)


def check_proof(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A tlog-proof, or a proof of misbehaviour.")],
    keys: Annotated[
        Path | None, typer.Option(help="Keys that you trust (entente directory keys); else the node's member list.")
    ] = None,
    config: ConfigOption = HERE,
    json: JsonOption = False,
) -> None:
    r"""Check a proof without a node and without a network; ends with 1 where it doesn't hold.

    A tlog-proof shows which version of an authority was published when, and which members have witnessed the log. A
    proof of misbehaviour shows that a log, or a witness, has signed two histories.

    \b
    Examples:
      entente directory check-proof DE-zaek-berlin.tlog-proof --keys keys.txt
      entente directory check-proof HU.log-fork --keys keys.txt
    """
    from directory_sync.problem import DirectoryError
    from directory_sync.trust import Convicted, check, read_trust

    data = read_file(file)
    try:
        trust = read_trust(read_file(keys)) if keys is not None else run(config, _trust)
        found = check(data, trust)
    except DirectoryError as error:
        raise NodeError("directory-invalid", f"The proof doesn't hold: {error.detail}") from error
    if isinstance(found, Convicted):
        _show_fork(found, as_data=json)
        return
    _show_listed(*found, trust, as_data=json)


def _show_fork(found: "Convicted", *, as_data: bool) -> None:
    first, second = found.fork.first, found.fork.second
    if as_data:
        sizes = {"first": first.size, "second": second.size}
        as_json({"proof": "fork", "log": first.origin, "liars": found.liars, **sizes})
        return
    say(f"The proof holds: {first.origin} was shown with two histories, of {first.size} and of {second.size} changes.")
    for name in found.liars:
        say(f"Signed both: {name}")


def _show_listed(found: "Listed", origin: str, trust: "Trust", *, as_data: bool) -> None:
    leaf, seen = found.leaf, found.witnessed
    enough = len(seen) >= trust.quorum
    if as_data:
        values = {"witnesses": dict(seen), "quorum": trust.quorum, "witnessed": enough, "record": found.record}
        as_json({"proof": "listed", "log": origin, **leaf._asdict(), **values})
    else:
        say(f"{leaf.authority}: {leaf.op} of version {leaf.v}, published at {leaf.at} in {origin}.")
        say(
            f"Name: {found.record['name']}"
            if found.record
            else "The record isn't in the proof: a later one followed, or it was erased."
        )
        for name, at in sorted(seen.items()):
            say(f"Witnessed by {name} at {dt.datetime.fromtimestamp(at, dt.UTC):%Y-%m-%dT%H:%M:%SZ}")
        say(f"{len(seen)} witnesses, {trust.quorum} are needed.")
    if not enough:
        raise typer.Exit(1)


def fork(
    country: Annotated[str, typer.Argument(metavar="CC", help="The country whose log has lied.")],
    output: Annotated[Path | None, typer.Option("--output", "-o", help="A new file; CC.log-fork if left out.")] = None,
    config: ConfigOption = HERE,
) -> None:
    r"""Write the proof of misbehaviour that this node keeps about a country's log, for others to check.

    \b
    Examples:
      entente directory fork HU -o HU.log-fork
    """

    async def work(node: "Node") -> bytes | None:
        from node.service import forks

        return node.store.read_now(lambda q: forks.file_of(q, country))

    data = run(config, work)
    if data is None:
        raise NodeError("not-found", f"No proof about the log of {country} is kept here.")
    path = output or Path(f"{country}.log-fork")
    write_file(path, data)
    say(f"Wrote {path}")


def new_log(config: ConfigOption = HERE, yes: YesOption = False, unasked: UnaskedOption = False) -> None:
    r"""Begin this country's directory log anew, with a new key: the way out after a log that forked or was lost.

    All authorities are published again in the new log; the others take it instead of the old one, and keep the proof
    about that. See docs/operating.md.

    \b
    Examples:
      entente directory new-log
    """
    if not yes:
        typer.confirm("Begin the log anew? Everybody sees it.", abort=True)
    number = run(config, lambda node: _begin_log(node, unasked=unasked))
    say(f"The log is entente/{configuration(config).country}/directory/{number} now. Make a backup of keys/.")


async def _begin_log(node: "Node", *, unasked: bool) -> int:
    from node.domain.access import operator
    from node.service import directory, key_change, membership

    await ask_peers(node, unasked=unasked)
    membership.require_newest(node)
    number = await key_change.begin_log(node, operator())
    await membership.publish_own_role(node)
    await directory.begin_anew(node)
    return number


COMMANDS = (status, prove, check_proof, keys, fork, new_log)
