"""`entente areas`: a version of an area is signed by states, published, and as a pilot accepted by each operator."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from node.cli.context import HERE, ConfigOption, YesOption, read_file, run, write_file
from node.cli.output import say, steps, table

if TYPE_CHECKING:
    from node.service.node import Node
    from protocol.area_statement import AreaStatement

PackArgument = Annotated[Path, typer.Argument(metavar="FILE", help="A file AREA-VERSION.area.json.")]


def pack(
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="The folder of an area, with area.yaml in it.")],
    output: Annotated[Path | None, typer.Option("--output", "-o", help="Name of the file to write.")] = None,
) -> None:
    r"""Write a version of an area, with the texts of all its languages, into one file for states to sign.

    \b
    Examples:
      entente areas pack areas/posting
    """
    from node.errors import NodeError
    from translations.area import load_area
    from translations.pack import write_pack
    from translations.yaml_file import AreaError

    try:
        area = load_area(folder)
        data = write_pack(area)
    except AreaError as error:
        say(*(fault.shown() for fault in error.faults))
        raise NodeError("area-refused", f"{folder} isn't sound.", "entente areas check") from None
    path = output or Path(f"{area.id}-{area.version}.area.json")
    write_file(path, data)
    say(f"Wrote {path}")


def sign(
    file: PackArgument,
    key: Annotated[Path | None, typer.Option(help="Sign offline with this state.seed instead.")] = None,
    config: ConfigOption = HERE,
    yes: YesOption = False,
    output: Annotated[Path | None, typer.Option("--output", "-o", help="Name of the file to write.")] = None,
) -> None:
    r"""Sign a version of an area with the state's key, after showing what it is.

    Compare its hash with the other states by another way than the file came.

    \b
    Examples:
      entente areas sign posting-2.area.json
      entente areas sign posting-2.area.json --key /media/offline/state.seed
    """
    from node.service import area_packs
    from node.store.key_files import read_seed
    from protocol.member_signatures import signer_from_seed

    data = read_file(file)
    _show(area_packs.statement_of(data))
    if not yes:
        typer.confirm("Sign this?", abort=True)
    if key is not None:
        made, name = area_packs.statement_of(data).signed(signer_from_seed(read_seed(key))), "state"
    else:

        async def work(node: "Node") -> tuple["AreaStatement", str]:
            return area_packs.sign(node, data), node.country

        made, name = run(config, work)
    path = output or file.with_name(f"{file.name.removesuffix('.json')}.{name}.signed.json")
    write_file(path, made.to_json() + b"\n")
    say(f"Wrote {path}")


def publish(
    file: PackArgument,
    signed: Annotated[list[Path], typer.Argument(metavar="SIGNED...", help="Files AREA-VERSION.area.XX.signed.json.")],
    config: ConfigOption = HERE,
) -> None:
    r"""Put the signatures together; when none is missing, the version is in force and others fetch it from here.

    A running node takes it up without a restart. Says how many signatures are missing otherwise, and changes
    nothing. A pilot needs one; the operators of other nodes accept it for themselves.

    \b
    Examples:
      entente areas publish posting-2.area.json posting-2.area.*.signed.json
    """
    from node.service import area_packs
    from node.service.accession import in_force
    from protocol.area_statement import AreaStatement

    data, statements = read_file(file), [AreaStatement.from_json(read_file(path).strip()) for path in signed]

    async def work(node: "Node") -> tuple["AreaStatement", int, list[str]]:
        statement, missing = await area_packs.publish(node, data, statements)
        return statement, missing, sorted(statement.signers(in_force(node)))

    statement, missing, countries = run(config, work)
    say(f"Signed by: {', '.join(countries) or 'nobody'}")
    if missing:
        say(f"Not yet: {missing} more of the states must sign.")
        raise typer.Exit(1)
    say(f"In force here: {statement.area}, version {statement.version}.")
    if statement.pilot:
        steps("At the other nodes:", [(f"entente areas accept {statement.area}", "Each operator decides.")])


def accept(
    area: Annotated[str, typer.Argument(metavar="[AREA]", help="Id of the area, or the hash of the version.")] = "",
    config: ConfigOption = HERE,
    yes: YesOption = False,
) -> None:
    r"""Accept a pilot that a state has published, for this node; without AREA, list those that wait.

    \b
    Examples:
      entente areas accept
      entente areas accept gambling
    """
    from node.service import area_packs

    async def listed(node: "Node") -> list[list[str]]:
        rows = node.store.read_now(area_packs.waiting)
        return [[str(row[name]) for name in ("area", "version", "signers", "sha256")] for row in rows]

    if not area:
        table(("area", "version", "signed by", "sha256"), run(config, listed))
        return
    if not yes:
        typer.confirm(f"Put the pilot {area} into force at this node?", abort=True)

    async def work(node: "Node") -> "AreaStatement":
        return await area_packs.accept(node, area)

    statement = run(config, work)
    say(f"In force here: {statement.area}, version {statement.version}.")


def _show(statement: "AreaStatement") -> None:
    kind = "pilot, which one state can sign" if statement.pilot else "area"
    say(f"{statement.area}, version {statement.version} ({kind})", f"SHA-256: {statement.sha256}")


COMMANDS = (pack, sign, publish, accept)
