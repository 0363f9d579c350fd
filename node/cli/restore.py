"""`entente restore`: put a backup in place of a node's data, or rehearse it."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from node.cli.backup import telling
from node.cli.context import HERE, ConfigOption, YesOption, configuration
from node.cli.output import say, steps

if TYPE_CHECKING:
    from node.config import Config
    from node.service.restore import Compared, Done, Plan

BackupArgument = Annotated[
    Path | None, typer.Argument(metavar="BACKUP", help="A backup, or a folder of them: the newest in it.")
]


def restore(
    backup: BackupArgument = None,
    keys: Annotated[Path | None, typer.Option(help="The backup of the case keys, or a folder of them.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be replaced, change nothing.")] = False,
    rehearse: Annotated[
        bool, typer.Option("--rehearse", help="Restore aside, verify, remove; may run at any time.")
    ] = False,
    finish: Annotated[bool, typer.Option("--finish", help="Finish a restore that was interrupted.")] = False,
    yes: YesOption = False,
    config: ConfigOption = HERE,
) -> None:
    r"""Verify a backup, put the present data aside, and the backup in their place. The node must be stopped.

    Nothing is deleted: the present data stay in data/before-restore-TIME. Erased cases stay erased. At its
    next start the node knows that it was restored.

    \b
    Examples:
      entente restore /backup/entente --keys /media/keys/entente --rehearse
      entente restore /backup/entente --keys /media/keys/entente --dry-run
      entente restore /srv/entente/data/before-upgrade-002-001
    """
    from node.clock import SystemClock
    from node.errors import NodeError
    from node.service import restore as service
    from node.store.key_files import read_masters

    loaded = configuration(config)
    if finish:
        state = service.finish(loaded)
        say(f"Finished the restore of the backup of {state.backup_at:%Y-%m-%d %H:%M} UTC.")
        return
    if backup is None:
        raise NodeError("invalid", "No backup was named.", "entente backup list FOLDER")
    now = SystemClock().now()
    chosen = service.plan(loaded, read_masters(loaded.master_key), backup, keys, now)
    _show(chosen, service.compare(loaded, chosen, now))
    if rehearse:
        _rehearse(loaded, chosen)
    elif dry_run:
        _dry_run(loaded, chosen)
    else:
        if not yes:
            typer.confirm("Put it in place?", abort=True)
        _restore(loaded, chosen)


def _show(chosen: "Plan", compared: "Compared") -> None:
    say(f"Backup: {chosen.folder}", f"Case keys: {chosen.keys_folder}")
    hours = compared.age.total_seconds() / 3600
    say(f"It is {hours:.1f} hours old: what happened since then would be missing here.")
    for name, count in (compared.present or {}).items():
        say(f"  {name:>8}: {compared.backup.get(name, '?')} in the backup, {count} now")
    if compared.present is None:
        say("  There are no present data that can be read.")


def _rehearse(loaded: "Config", chosen: "Plan") -> None:
    import asyncio

    from node.clock import SystemClock
    from node.server import open_node
    from node.service import restore as service

    took = asyncio.run(service.rehearse(open_node, loaded, chosen, SystemClock(), telling()))
    say(f"Restored aside, verified and removed in {took:.1f} s. The node's data weren't touched.")


def _dry_run(loaded: "Config", chosen: "Plan") -> None:
    from node.service.backup import check
    from node.store.data_lock import free
    from node.store.key_files import read_masters

    masters = read_masters(loaded.master_key)
    for folder in dict.fromkeys((chosen.folder, chosen.keys_folder)):
        check(loaded, masters, folder)
    say(f"All files are whole. node.db, keys.db and blobs/ in {loaded.data} would be put aside; nothing was changed.")
    if not free(loaded.data):
        say("A process works on them now: stop the node first.")


def _restore(loaded: "Config", chosen: "Plan") -> None:
    import asyncio

    from node.clock import SystemClock
    from node.server import open_node
    from node.service import restore as service

    done = asyncio.run(service.restore(open_node, loaded, chosen, SystemClock(), telling()))
    say(f"Restored and verified in {done.seconds:.1f} s: the state of {done.backup_at:%Y-%m-%d %H:%M} UTC.")
    if done.aside is not None:
        _undo(loaded.data, done)


def _undo(data: Path, done: "Done") -> None:
    assert done.aside is not None
    undone = data / f"undone-{done.aside.name}"
    say("", f"What was there before: {done.aside}")
    steps(
        "To take the restore back, as long as the node hasn't been started since:",
        [
            (f"mkdir -m 700 {undone}", "Make a place for what was restored."),
            (f"mv {data}/node.db* {data}/keys.db* {data}/restored.json {undone}/", "Move the databases there."),
            (f"if [ -e {data}/blobs ]; then mv {data}/blobs {undone}/; fi", "Move the attachments there."),
            (f"mv {done.aside}/* {data}/ && rmdir {done.aside}", "Put back what was there before."),
        ],
    )
    say("", "It holds case keys: remove it within 30 days, once the node works.")
