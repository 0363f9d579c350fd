"""`entente member`: changes of the list. Found, or: propose, sign, publish, join."""

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from node.cli.context import HERE, ConfigOption, YesOption, run
from node.cli.output import grouped, say, steps

if TYPE_CHECKING:
    from node.service.accession import AnyProposal
    from node.service.node import Node
    from protocol.member_signatures import Change, Progress
    from protocol.members import MemberList

OutputOption = Annotated[Path | None, typer.Option("--output", "-o", help="Name of the file to write.")]
SignOption = Annotated[bool, typer.Option("--sign", help="Also sign it at once with this node's keys/state.seed.")]
ProposalArgument = Annotated[Path, typer.Argument(metavar="PROPOSAL", help="A file NAME.proposal.json.")]

_WHAT = {
    "joins": "{} joins",
    "active": "{} is active",
    "suspended": "{} is suspended",
    "left": "{} leaves",
    "state-key": "{} gets a new state key",
    "list-key": "{} gets a new key for its record",
    "threshold": "the list is signed by {} states",
    "root-expires": "the root lasts until {}",
    "targets-expires": "the list lasts until {}",
    "few-suspend": "{} is suspended for a time",
    "few-change": "the suspension of {} gets another end",
    "few-from": "from {}",
    "few-until": "until {}, or until more than half of the states decide about it",
    "few-by": "by {}, who all sign",
}


def found(config: ConfigOption = HERE) -> None:
    r"""Make a network of one country: this one. The others join it.

    \b
    Examples:
      entente member found -C /srv/entente
    """
    from node.service import accession

    members = run(config, accession.found)
    say(f"Founded. Members: {', '.join(members.countries())}", f"First root: {members.root_sha256}")
    steps(
        "Next:",
        [
            ("entente serve", "Start the node."),
            ("entente member propose XX.candidate.json --sign", "Propose another country."),
        ],
    )


def candidate(config: ConfigOption = HERE, output: OutputOption = None) -> None:
    r"""Write this country's public keys for a proposal, as `entente init` did: to join, or after changing keys.

    \b
    Examples:
      entente member candidate
      entente member candidate -o AT.candidate.json
    """
    from node.cli.context import configuration
    from node.cli.member_files import CANDIDATE, candidate_of, fingerprint, save

    loaded = configuration(config)
    made = candidate_of(loaded.country, loaded.keys)
    path = save(output or Path(CANDIDATE.format(country=loaded.country)), made.to_json())
    say(f"Wrote {path}. Send it to a member's operator, and read them its fingerprint on the telephone:")
    say(f"  {grouped(fingerprint(made))}")


def propose(
    candidates: Annotated[
        list[Path] | None, typer.Argument(metavar="[CANDIDATE]...", help="Files XX.candidate.json.")
    ] = None,
    suspend: Annotated[str, typer.Option(metavar="COUNTRY", help="Propose to suspend a member instead.")] = "",
    resume: Annotated[str, typer.Option(metavar="COUNTRY", help="Propose to take a suspended member back.")] = "",
    config: ConfigOption = HERE,
    output: OutputOption = None,
    sign_too: SignOption = False,
) -> None:
    r"""Propose that countries join or change their keys (or that one is suspended, or active again).

    Compare each fingerprint with what its operator reads to you on the telephone. More than half of the states
    have to sign, and those that join. Several at once need one round of signatures.

    \b
    Examples:
      entente member propose AT.candidate.json --sign
      entente member propose PL.candidate.json LT.candidate.json -o enlargement.proposal.json
      entente member propose --suspend AT
    """
    from node.cli.member_files import fingerprint, read_candidate
    from node.errors import NodeError
    from protocol.member_proposal import propose_all, propose_status

    if sum(map(bool, (candidates, suspend, resume))) != 1:
        raise NodeError("invalid", "Name candidate files, or one country with --suspend or --resume.")
    if candidates:
        joining = [read_candidate(path) for path in candidates]
        for one in joining:
            say(f"Candidate {one.country}: {grouped(fingerprint(one))}")
        countries = "-".join(one.country for one in joining)
        write(
            config,
            countries,
            output,
            sign_too,
            lambda members, node: propose_all(members, joining, node.clock.now()),
        )
        return
    country, status = (suspend, "suspended") if suspend else (resume, "active")
    name = f"{country}.{status}"
    write(
        config,
        name,
        output,
        sign_too,
        lambda members, node: propose_status(members, country, status, node.clock.now()),  # type: ignore[arg-type]
    )


def renew(
    config: ConfigOption = HERE,
    output: OutputOption = None,
    days: Annotated[int, typer.Option(min=1, max=3650, help="Days from today until the list ends.")] = 365,
    sign_too: SignOption = False,
) -> None:
    r"""Propose the same list with a later end. `entente doctor` says when it is time.

    \b
    Examples:
      entente member renew --sign
    """
    from protocol.member_proposal import renew as renewed

    write(config, "renewal", output, sign_too, lambda members, node: renewed(members, node.clock.now(), days))


def leave(
    country: Annotated[str, typer.Argument(metavar="[COUNTRY]", help="This node's own country if left out.")] = "",
    config: ConfigOption = HERE,
    output: OutputOption = None,
    sign_too: SignOption = False,
) -> None:
    r"""Propose that a country leaves. Its last record stays, so that the past can be verified.

    \b
    Examples:
      entente member leave --sign
      entente member leave AT
    """
    from node.cli.context import configuration
    from protocol.member_proposal import propose_status

    who = country or configuration(config).country
    write(
        config,
        f"{who}.left",
        output,
        sign_too,
        lambda members, node: propose_status(members, who, "left", node.clock.now()),
    )


def write(config: Path, name: str, output: Path | None, sign_too: bool, make: Any) -> None:
    """Make a proposal on the list in force, show what it changes, save it, perhaps sign it."""
    from node.cli.member_files import PROPOSAL, save, signed_name
    from node.service import accession

    path = output or Path(PROPOSAL.format(name=name))

    async def work(node: "Node") -> None:
        members = accession.in_force(node)
        proposal = make(members, node)
        save(path, proposal.to_json())
        _show(accession.changes(members, proposal))
        say(f"Wrote {path}")
        if sign_too:
            signed = save(signed_name(path, node.country), accession.sign_here(node, proposal).to_json())
            say(f"Wrote {signed}")
        waiting = accession.attached(members, proposal, ())
        steps("Next:", _after_proposal(path, waiting, node.country if sign_too else ""))

    run(config, work)


def _after_proposal(path: Path, progress: "Progress", signed: str) -> list[tuple[str, str]]:
    others = [country for country in progress.waiting if country != signed]
    must = f" ({', '.join(progress.required)} in any case)" if progress.required else ""
    missing = progress.missing - bool(signed)
    stem = path.name.removesuffix(".json")
    who = f"{', '.join(others)}" if len(others) == missing else f"{missing} of {', '.join(others)}{must}"
    ask = (
        f"entente member sign {path.name}",
        f"Send {path.name} to {who}: they run this and return the file it makes.",
    )
    publish = (f"entente member publish {path.name} {stem}.*.signed.json", "With the files that come back, here:")
    return [ask, publish] if others and missing > 0 else [publish]


def _show(changes: "Iterable[Change]") -> None:
    for change in changes:
        say(f"  {_WHAT[change.what].format(change.value)}")


def review(proposal: ProposalArgument, config: ConfigOption = HERE) -> None:
    r"""Say in words all that a proposal changes, without signing it.

    \b
    Examples:
      entente member review AT.proposal.json
    """
    from node.cli.member_files import read_proposal
    from node.service import accession

    async def work(node: "Node") -> None:
        read = read_proposal(proposal)
        _show(accession.changes(node.members, read))
        progress = accession.attached(node.members, read, ()) if node.members else None
        if progress:
            say(f"Signatures needed: {progress.missing} of {', '.join(progress.waiting)}")

    run(config, work)


def sign(
    proposal: ProposalArgument,
    config: ConfigOption = HERE,
    output: OutputOption = None,
    yes: YesOption = False,
    key: Annotated[Path | None, typer.Option(help="A state.seed elsewhere, for a machine without a node.")] = None,
    list_file: Annotated[
        Path | None, typer.Option("--list", help="With --key: the list in force (entente member list -o).")
    ] = None,
) -> None:
    r"""Sign a proposal with the state's key, after showing all that it changes.

    The file that this makes goes to whoever publishes. Of a country that joins it also carries the record, so
    that the others accept its certificate from the first moment.

    \b
    Examples:
      entente member sign AT.proposal.json
      entente member sign AT.proposal.json --key /media/offline/state.seed --list members.json
    """
    from node.cli.member_files import read_proposal, save, signed_name
    from node.service import accession

    read = read_proposal(proposal)
    if key is not None:
        _sign_offline(proposal, read, (key, list_file, output), yes=yes)
        return

    async def work(node: "Node") -> tuple[str, bytes]:
        _confirm(accession.changes(node.members, read), yes=yes)
        return node.country, accession.sign_here(node, read).to_json()

    country, made = run(config, work)
    say(f"Wrote {save(output or signed_name(proposal, country), made)}")


def _sign_offline(
    path: Path, proposal: "AnyProposal", files: tuple[Path, Path | None, Path | None], *, yes: bool
) -> None:
    from node.cli.member_files import read_bundle, save, signed_name
    from node.errors import NodeError
    from node.service import accession
    from node.store.key_files import read_seed
    from protocol.member_problems import MemberListError
    from protocol.member_proposal import Proposal
    from protocol.member_signatures import signer_from_seed
    from protocol.members import MemberList

    key, list_file, output = files
    try:
        members: MemberList | None = MemberList.restore(read_bundle(list_file))[0] if list_file else None
        _confirm(accession.changes(members, proposal), yes=yes)
        signer = signer_from_seed(read_seed(key))
        statement = accession.sign(members, proposal, signer)
    except MemberListError as error:
        raise NodeError("members-invalid", f"{error.meaning} ({error})") from None
    root = proposal.read()[0] if isinstance(proposal, Proposal) else members.root if members else None
    states = {keyid: country for country, keyid in root.states.items()} if root else {}
    country = states.get(signer.public_key.keyid, "state")
    say(f"Wrote {save(output or signed_name(path, country), statement.to_json())}")


def _confirm(changes: "Iterable[Change]", *, yes: bool) -> None:
    _show(changes)
    if not yes:
        typer.confirm("Sign this?", abort=True)


def publish(
    proposal: ProposalArgument,
    signed: Annotated[list[Path], typer.Argument(metavar="SIGNED...", help="Files NAME.proposal.XX.signed.json.")],
    config: ConfigOption = HERE,
) -> None:
    r"""Put the signatures together; when none is missing, the new list is in force and others fetch it from here.

    Says whose signatures are missing otherwise, and changes nothing. It doesn't matter which member does it.

    \b
    Examples:
      entente member publish AT.proposal.json AT.proposal.*.signed.json
    """
    from node.cli.member_files import read_proposal, read_statement
    from node.service import accession

    read, statements = read_proposal(proposal), [read_statement(path) for path in signed]

    async def work(node: "Node") -> tuple["Progress", "MemberList", list[str], str]:
        before = set(accession.in_force(node).root.states)
        progress = await accession.publish(node, read, statements)
        members = accession.in_force(node)
        return progress, members, sorted(set(members.root.states) - before), node.config.peers.url

    progress, members, new, url = run(config, work)
    say(f"Signed by: {', '.join(progress.signed) or 'nobody'}")
    if progress.bundle is None:
        must = f", {', '.join(progress.required)} in any case" if progress.required else ""
        say(f"Not yet: {progress.missing} more of {', '.join(progress.waiting)} must sign{must}.")
        raise typer.Exit(1)
    say(f"In force: {', '.join(sorted(members.active_countries()))}.")
    silent = sorted(country for country in members.active_countries() if members.member(country) is None)
    if silent:
        say(f"{', '.join(silent)} gave no record: pass its file from `entente member sign`, or nobody can reach it.")
    if not new:
        return
    steps(
        f"{', '.join(new)}, new in the list, now runs:",
        [
            (
                f"entente member join --root-sha256 {members.root_sha256} --from {url}",
                "Tell them the hash on the telephone.",
            )
        ],
    )


def join(
    root_sha256: Annotated[str, typer.Option(help="Hash of the network's first root, told by another way.")],
    url: Annotated[str, typer.Option("--from", metavar="URL", help="Fetch the list from this member's node.")] = "",
    bundle: Annotated[Path | None, typer.Option(help="Or take it from a file (entente member list -o).")] = None,
    config: ConfigOption = HERE,
) -> None:
    r"""Take over the member list of a network, pinned by the hash of its first root.

    The hash makes sure that it is the right network: get it from a member's operator by another way than the
    list, for example on the telephone.

    \b
    Examples:
      entente member join --root-sha256 9f2c… --from https://node.de.example:7443
      entente member join --root-sha256 9f2c… --bundle members.json
    """
    from node.errors import NodeError

    if bool(url) == (bundle is not None):
        raise NodeError("invalid", "Either --from URL or --bundle FILE.")

    async def work(node: "Node") -> tuple["MemberList", str]:
        from node.cli.member_files import read_bundle
        from node.delivery.first_list import fetch_list
        from node.service import accession

        if bundle is not None:
            return await accession.join(node, read_bundle(bundle), root_sha256), node.country
        fetched, shown = await fetch_list(url, node.keys.tls_certificate, node.keys.tls_key)
        return await accession.join(node, fetched, root_sha256, shown), node.country

    members, country = run(config, work)
    say(f"Members: {', '.join(sorted(members.active_countries()))}")
    if members.active(country):
        steps(
            "You are one of them. Next:",
            [("entente serve", "Start the node."), ("entente doctor", "See that all peers answer.")],
        )
    else:
        say(f"{country} isn't one of them yet. When it is proposed and signed, run this again.")


COMMANDS = (found, candidate, propose, review, sign, publish, join, renew, leave)
