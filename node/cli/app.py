"""The command `entente`: one file per noun; heavy imports wait until a command runs."""

import inspect

import typer

from node.cli import (
    areas,
    backup,
    bench,
    config,
    demo,
    directory,
    directory_record,
    doctor,
    init,
    mail,
    member,
    peer,
    probe,
    queue,
    restore,
    retention,
    serve,
    simulate,
    statistics,
    translations,
    user,
    verify,
)

app = typer.Typer(
    name="entente",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    help="A node of the Entente network: authorities of different countries ask and answer each other.",
    epilog="Begin with `entente demo`, or with `entente init --help` for a node of your own.",
    context_settings={"help_option_names": ["-h", "--help"]},
)

app.command("demo", short_help="Run two nodes on this machine, or play the whole story.")(demo.demo)
app.command("init", short_help="Make configuration and keys of a new node.")(init.init)
app.command("serve", short_help="Run a node.")(serve.serve)
app.add_typer(member.app, name="member")
app.add_typer(peer.app, name="peer")
app.add_typer(queue.app, name="queue")
app.add_typer(mail.app, name="mail")
directory.app.add_typer(directory_record.app)
app.add_typer(directory.app, name="directory")
app.add_typer(user.app, name="user")
app.add_typer(backup.app, name="backup")
app.command("restore", short_help="Put a backup in place of a node's data, or rehearse it.")(restore.restore)
app.add_typer(retention.app, name="retention")
app.add_typer(config.app, name="config")
app.add_typer(areas.app, name="areas")
app.add_typer(translations.app, name="translations")
app.add_typer(bench.bench, name="bench")
app.command("statistics", short_help="Print how fast requests are accepted and answered.")(statistics.statistics)
app.command("simulate", short_help="Run many nodes in virtual time under every fault.")(simulate.simulate)
app.command("verify", short_help="Check every invariant of a node's data.")(verify.verify)
app.command("probe", short_help="Test whether another node keeps to the protocol.")(probe.probe)
app.command("doctor", short_help="Check everything and say what mends it.")(doctor.doctor)


def _teach(commands: typer.Typer) -> None:
    """Keep the examples of every command's help on lines of their own."""
    for command in commands.registered_commands:
        command.help = inspect.cleandoc(command.callback.__doc__ or "").replace("\\b\n", "\b\n")
    for group in commands.registered_groups:
        if group.typer_instance is not None:
            _teach(group.typer_instance)


_teach(app)
