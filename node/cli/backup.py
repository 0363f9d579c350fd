"""`entente backup`: copies of a node, made while it serves."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from node.cli.context import HERE, ConfigOption, JsonOption, configuration, run
from node.cli.output import as_json, say, table

if TYPE_CHECKING:
    from node.service.backup import Made, Tell
    from node.service.node import Node

app = typer.Typer(no_args_is_help=True, help="Copies of a node, made and verified while it serves.")

FolderArgument = Annotated[Path, typer.Argument(metavar="FOLDER", help="Folder that holds the backups.")]
BackupArgument = Annotated[Path, typer.Argument(metavar="BACKUP", help="One backup: a folder in FOLDER.")]


@app.command()
def create(
    folder: FolderArgument,
    keys: Annotated[Path | None, typer.Option(help="Back up the case keys too, into this other folder.")] = None,
    key_days: Annotated[int, typer.Option(min=1, max=30, help="Days for which the key backup is kept.")] = 30,
    config: ConfigOption = HERE,
    json: JsonOption = False,
) -> None:
    r"""Back up database and attachments, consistent at one moment, while the node serves; verified before it counts.

    Attachments that an earlier backup in FOLDER has are shared with it, not copied again. The case keys go to
    a folder of their own, apart from FOLDER; key backups whose days are over are removed there. The master
    key is in no backup.

    \b
    Examples:
      entente backup create /backup/entente --keys /media/keys/entente
      entente backup create /backup/entente -C /srv/entente --json
    """

    async def work(node: "Node") -> "Made":
        from node.service.backup import create as make

        return make(node, folder, keys, key_days, telling())

    made = run(config, work)
    if json:
        parts = [(made.folder, made.manifest), (made.keys_folder, made.keys)]
        as_json([{"folder": path, **one.model_dump(mode="json")} for path, one in parts if path and one])
        return
    size, count = made.manifest.files["node.db"].size / 1024**2, made.manifest.attachments
    say(f"Backed up and verified: {made.folder}", f"  node.db {size:.1f} MiB, {count} attachments")
    if made.keys_folder and made.keys and made.keys.expires_at:
        say(f"Case keys: {made.keys_folder}", f"  to be removed on {made.keys.expires_at:%Y-%m-%d}")
    else:
        say("The case keys aren't in it; without them nothing in it can be read: --keys.")
    for path in made.pruned:
        say(f"Removed, its days were over: {path}")


def telling() -> "Tell":
    """Return what shows progress: on a terminal's last line, else nowhere."""
    import sys

    def show(words: str) -> None:
        if sys.stderr.isatty():
            print(f"\r\033[K{words}", end="" if words != "verifying" else "\n", file=sys.stderr, flush=True)

    return show


@app.command("list")
def list_backups(folder: FolderArgument, json: JsonOption = False) -> None:
    r"""List the backups in a folder, oldest first.

    \b
    Examples:
      entente backup list /backup/entente
    """
    from node.service.backup import listing

    found = listing(folder)
    if json:
        as_json([{"folder": path, **(one.model_dump(mode="json") if one else {})} for path, one in found])
        return
    rows = [
        (path.name, one.country, f"{one.at:%Y-%m-%d %H:%M} UTC", one.counts.get("cases", ""), one.attachments,
         f"{one.expires_at:%Y-%m-%d}" if one.expires_at else "")
        if one else (path.name, "", "manifest can't be read", "", "", "")
        for path, one in found
    ]  # fmt: skip
    table(("backup", "country", "taken", "cases", "attachments", "keep until"), rows)


@app.command()
def check(folder: BackupArgument, config: ConfigOption = HERE) -> None:
    r"""Read a backup again: its seal, the hash of each file, and each attachment that it names. Writes nothing.

    Whether it can be restored is shown by `entente restore --rehearse`.

    \b
    Examples:
      entente backup check /backup/entente/2027-01-31T020000.000000Z-node
    """
    from node.service.backup import check as read_again
    from node.store.key_files import read_masters

    loaded = configuration(config)
    manifest = read_again(loaded, read_masters(loaded.master_key), folder)
    say(
        f"Whole: {manifest.kind} of {manifest.country}, {manifest.at:%Y-%m-%d %H:%M} UTC,"
        f" {manifest.attachments} attachments."
    )


@app.command()
def prune(
    folder: FolderArgument,
    keep: Annotated[int, typer.Option(min=1, help="How many of the newest stay.")],
) -> None:
    r"""Remove older backups, and key backups whose days are over, however many are to stay.

    \b
    Examples:
      entente backup prune /backup/entente --keep 14
      entente backup prune /media/keys/entente --keep 14
    """
    from node.clock import SystemClock
    from node.service.backup import prune as remove

    removed = remove(folder, keep, SystemClock().now())
    for path in removed:
        say(f"Removed {path}")
    say(f"{len(removed)} removed.")
