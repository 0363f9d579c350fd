"""Make the reference pages of this folder from the code: commands, configuration, errors, limits, checks of the probe.

`python docs/make_pages.py` writes them; a test compares them with the code.
"""
# ruff: noqa: INP001, T201

import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import typer.main

import directory_sync.limits
import node.cli.probing.run
import node.config
import node.dashboard.authority_table
import node.dashboard.form
import node.delivery.admission
import node.delivery.door
import node.delivery.http_listener
import node.delivery.mailer
import node.delivery.smtp
import node.domain.access
import node.domain.allowance
import node.domain.mail
import node.domain.person
import node.domain.subject
import node.errors
import node.service.approvals
import node.service.audit_trail
import node.service.authority_edit
import node.service.authority_history
import node.service.calendar_feed
import node.service.callers
import node.service.case_list
import node.service.coordinated
import node.service.corrections
import node.service.find
import node.service.hashing
import node.service.idempotency
import node.service.kept_form
import node.service.letters
import node.service.list_place
import node.service.mail_choice
import node.service.mailing
import node.service.passwords
import node.service.registration
import node.service.sessions
import node.service.subject_cases
import node.service.subject_export
import node.service.telling
import node.service.tokens
import node.store.backup_manifest
import node.store.case_lists
import protocol.limits
import protocol.member
import protocol.member_bundle
import protocol.member_documents
import protocol.member_problems
import protocol.problems
import translations.limits
from node.cli.app import app

HERE = Path(__file__).resolve().parent
NOTE = "<!-- Made by docs/make_pages.py. Change the code that it names, then run it again. -->\n"
FAULT = {
    "caller": "who asked",
    "peer": "the other node",
    "node": "this node",
    "sender": "the sender",
    "receiver": "the receiver",
    "nobody": "nobody",
}
LIMITS = {
    "Between nodes": (protocol.limits,),
    "Pressure of one peer on the peers' listener": (
        node.delivery.admission,
        node.delivery.door,
        node.delivery.http_listener,
    ),
    "Member list": (protocol.member, protocol.member_bundle, protocol.member_documents),
    "Directory": (directory_sync.limits,),
    "Texts and areas": (translations.limits,),
    "People, search and API": (
        node.domain.person,
        node.service.passwords,
        node.service.callers,
        node.service.hashing,
        node.service.sessions,
        node.service.kept_form,
        node.service.tokens,
        node.service.find,
        node.service.case_list,
        node.service.list_place,
        node.store.case_lists,
        node.service.approvals,
        node.service.audit_trail,
        node.service.idempotency,
        node.domain.allowance,
        node.dashboard.form,
    ),
    "Persons who claim their rights": (
        node.domain.subject,
        node.service.subject_cases,
        node.service.subject_export,
        node.service.corrections,
    ),
    "Mails and calendars": (
        node.domain.mail,
        node.service.mail_choice,
        node.service.telling,
        node.service.letters,
        node.service.mailing,
        node.service.calendar_feed,
        node.delivery.mailer,
        node.delivery.smtp,
    ),
    "Authorities": (
        node.service.authority_edit,
        node.service.authority_history,
        node.service.registration,
        node.service.coordinated,
        node.dashboard.authority_table,
    ),
    "Backups": (node.store.backup_manifest,),
}
LIMIT = re.compile(r"^([A-Z][A-Z_]+)(?:: [\w\[\], ]+)? = ([^#\n]+?)(?:  # (.+))?$", re.MULTILINE)
FROM = 16 * 1024  # bytes from which the larger unit is shown too; smaller numbers count characters as well
NO_LIMIT = {"KIB", "MIB"}


def cells(*values: object) -> str:
    """Return one row of a Markdown table."""
    return "| " + " | ".join(str(value).replace("|", "\\|") for value in values) + " |"


def table(headings: Iterable[str], rows: Iterable[Iterable[object]]) -> str:
    """Return a Markdown table."""
    names = list(headings)
    return "\n".join([cells(*names), cells(*("---" for _ in names)), *(cells(*row) for row in rows)]) + "\n"


# --- commands ---


def leaves(command: Any, name: str = "entente", parent: Any = None) -> Iterator[Any]:
    """Yield the context of each command at the leaves."""
    context = command.context_class(
        command, parent=parent, info_name=name, terminal_width=100, **command.context_settings
    )
    children = getattr(command, "commands", {})
    if not children:
        yield context
    for child_name, child in children.items():
        if not child.hidden:
            yield from leaves(child, child_name, context)


def commands() -> str:
    """Return commands.md."""
    found = list(leaves(typer.main.get_command(app)))
    lines = [
        NOTE,
        "# Commands",
        "",
        "What `--help` says, for reading. Commands that work on a node take its directory with `-C`, or from",
        "`ENTENTE_CONFIG`, or work in the current one. They may run while the node serves. Exit codes: 0 all is",
        "well, 1 there are problems, 2 the command was called wrongly. Errors go to standard error as",
        "`entente: CODE: MESSAGE` and a hint; the codes are in [errors.md](errors.md).",
        "",
        *(f"- [`{each.command_path}`](#{each.command_path.replace(' ', '-')})" for each in found),
        "",
    ]
    for each in found:
        text = "\n".join(line.rstrip() for line in each.command.get_help(each).splitlines())
        lines += [f"## {each.command_path}", "", "```", text.strip(), "```", ""]
    return "\n".join(lines)


# --- configuration ---


def configuration() -> str:
    """Return configuration.md."""
    lines = [
        NOTE,
        "# Configuration",
        "",
        "One file, `node.toml`, in the node's directory. `entente init` writes it with every key and its",
        "explanation; `entente config describe` prints an example. It is checked at every start and by",
        "`entente config check`: an unknown key, a missing one or a wrong value is an error that names file,",
        "line and key (`config-invalid`), so that a typing error never goes unnoticed. A change counts from the",
        "next start. Relative paths start at the file.",
        "",
    ]
    for name, field in node.config.Config.model_fields.items():
        section = field.annotation
        if not (isinstance(section, type) and issubclass(section, node.config.Section)):
            continue
        lines += [f"## [{name}]", "", (section.__doc__ or "").strip(), ""]
        rows = []
        for key, entry in section.model_fields.items():
            default = "required" if entry.is_required() else f"`{str(entry.default).lower()}`"
            if isinstance(entry.default, str):
                default = f'`"{entry.default}"`'
            rows.append((f"`{name}.{key}`", default, entry.description))
        lines += [table(("key", "default", "meaning"), rows)]
    lines += ["## Example", "", "```toml", node.config.describe().strip(), "```", ""]
    lines += [
        "## Environment",
        "",
        "| variable | meaning |",
        "| --- | --- |",
        "| `ENTENTE_CONFIG` | Directory of the node, or its node.toml, for all commands; `-C` comes first. |",
        "| `ENTENTE_DEBUG=1` | Commands show where an error came from. May print contents: not for real cases. |",
        "",
    ]
    return "\n".join(lines)


# --- errors ---


def errors() -> str:
    """Return errors.md."""
    own = node.errors.CODES.values()
    known = protocol.problems.PROBLEMS.values()
    return "\n".join(
        [
            NOTE,
            "# Errors",
            "",
            "Every refusal has a code that stays the same in all languages and versions. *At fault* says whose",
            "matter it is, so that nobody searches at the wrong end.",
            "",
            "## Of this node",
            "",
            "Answers of the dashboard, of the API (as `application/problem+json`, RFC 9457, with `code`, `detail`,",
            "`hint` and the `fields` at fault) and of the commands. What isn't foreseen is `internal`; its detail",
            "stands in the log only.",
            "",
            table(
                ("code", "status", "at fault", "meaning", "what to do"),
                ((f"`{c.code}`", c.status, FAULT[c.fault], c.meaning, c.hint) for c in own),
            ),
            "## Between nodes, for the time being",
            "",
            "Answers to a peer that change nothing: the batch waits and is sent again, for ever. The rules are in",
            "[SPEC.md](../protocol/SPEC.md), section 10. The operator finds them in the log and in `entente doctor`.",
            "",
            table(
                ("code", "status", "at fault", "meaning", "what to do"),
                ((f"`{p.code}`", p.status, FAULT[p.fault], p.meaning, p.hint) for p in known if not p.final),
            ),
            "## Between nodes, final",
            "",
            "Outcomes of single events in a signed receipt. The event is void on both sides; the case page of the",
            "sender shows it with its code and the next step.",
            "",
            table(
                ("code", "at fault", "meaning", "what to do"),
                ((f"`{p.code}`", FAULT[p.fault], p.meaning, p.hint) for p in known if p.final),
            ),
            "## Of the member list",
            "",
            "Why a list or a document of it is refused, or what its warnings mean. Commands show them inside",
            "`members-invalid`; a running node logs them and keeps what it had.",
            "",
            table(
                ("code", "meaning"),
                ((f"`{code}`", words) for code, words in protocol.member_problems.MEMBER_CODES.items()),
            ),
        ]
    )


# --- limits ---


def explained(module: ModuleType) -> Iterator[tuple[str, str, str]]:
    """Yield (name, value, words) of the numbers of a module that are limits, in the module's order."""
    source = Path(module.__file__ or "").read_text(encoding="utf-8")
    for found in LIMIT.finditer(source):
        name, comment = found[1], found[3]
        value = getattr(module, name)
        after = re.match(r'\s*"""(.+?)"""', source[found.end() :], re.DOTALL)
        words = comment or (" ".join(after[1].split()) if after else "")
        if name not in NO_LIMIT and isinstance(value, int) and not isinstance(value, bool):
            yield name, readable(value), words


def readable(value: int) -> str:
    """Return a number as people read it."""
    for size, unit in ((1024 * 1024, "MiB"), (1024, "KiB")):
        if value >= max(size, FROM) and value % size == 0:
            return f"{value:,} ({value // size:,} {unit})"
    return f"{value:,}"


def limits() -> str:
    """Return limits.md."""
    lines = [
        NOTE,
        "# Limits",
        "",
        "Each limit stands once in the code, under the name given here. Sizes are bytes, unless the words say",
        "otherwise. Those between nodes are part of the specification ([SPEC.md](../protocol/SPEC.md), section 2)",
        "and bind the sender too, so that nothing can be sent that can't be received.",
        "",
    ]
    for title, modules in LIMITS.items():
        rows = [row for module in modules for row in explained(module)]
        lines += [f"## {title}", "", table(("name", "limit", "of what"), ((f"`{n}`", v, w) for n, v, w in rows))]
    return "\n".join(lines)


# --- access ---


def access() -> str:
    """Return access.md."""
    rights, roles = node.domain.access.RIGHTS, node.domain.access.ROLES
    lines = """
# Who may do what

People hold roles in authorities, each role in all legal areas or in single ones. An authority grants and revokes the
roles of its people itself (Regulation (EU) No 1024/2012, Article 9(3)): its data administrators do it on the page of
their users, by API, or have the operator do it by command (`entente user grant`, `revoke`, `list`). A change holds
from the person's next step on; who made it and when stands in the audit trail.

The table is `RIGHTS` of `node/domain/access.py`. The services enforce it, so it is the same for pages, API, commands
and the programs of national systems. A role opens the things of its own authority and areas alone; another
authority's case, or one of another area, answers like one that doesn't exist.
""".strip()
    after = """
A handler says who looks after a case only where nobody of the authority is an allocator of the area. A role marked
*per area* may be held in single areas; the others are about an authority as a whole.

## Coordinators and observers

A coordinator's people hold their roles at the coordinator's own authority. What a coordinator may change in the records
of others follows from its type and the links of the directory ([authorities.md](authorities.md)). An authority that
another's record names as *observer* sees a summary of that one's cases, on a page and as `GET /observed-cases`: number,
area, countries, state and dates. It sees no text, no person and nobody's contact, and no case opens for it: only the
authorities that take part in a case see the personal data in it (Article 9(4) and (6)).

## Approval before sending

A coordinator's referral handlers approve the requests of an authority, or its replies, before they are sent, where the
authority's administrator has switched it on for an area (page *Users*, or `POST /authorities/{authority}/approval` with
`side`) or the area requires it. The replies to one request alone are approved where whoever says who looks after the
case has switched it on there (`POST /cases/{case}/approval`). Who approves are the request coordinators that the record
names for the area, else, or once these have ended, the validating one. Where there is none nobody could approve, and
it is sent without.

What waits is a draft, and internal to the country: nothing crosses the line before (SPEC.md, S-286). A reply is
approved as the step that was asked for: whole, or the answers so far; so is the answer to a clarification. What is
approved is the version that was looked at, files too; a draft that is changed is asked for again. A returned one keeps
all that was typed, with the reason, which is encrypted like the draft. As long as a reply waits its approver reads the
case, and not after. Nobody approves what he wrote in, at whatever time, or asked for himself (`own-approval`). What is
sent in another way, by a program for example, is refused as `approval-needed`; what was approved and could not be sent
at once is sent by `POST /drafts/{draft}/send-approved`. Messages aren't approved.

| while a reply waits | |
|---|---|
| the asking side wishes to withdraw | both are possible: what comes first, the approval or the grant, counts |
| the date passes | nothing changes: it can still be approved, and is late |
| the case is passed on | it waits no more, not even once it is back; the rule of who has the case now counts |
| a reply goes another way, as approval is switched off | it waits no more, also once it is switched on again |
| questions go to a part | the other answers can be approved |
| its draft is changed or deleted | it waits no more |
| the coordinator ends | the validating coordinator approves; without one it is sent without approval |
| an approver's role is revoked | others of the coordinator approve; the role is looked at with each step |
| whoever asked has left or lost the role | it stays approved, and a colleague sends it as it was approved |

An auditor reads the audit trail of the authority on a page, as `GET /audit` and as a table (`GET /audit/table`): who
did what when to its cases, accounts and record, as ids and codes, without contents and names, narrowed by kind, day and
authority. Of a case that was passed on each authority's auditor reads what was done while the authority had it. A role
that was revoked stays visible: `GET /audit/rights` says who held which one from when until when, and who granted and
revoked it.

## What the operator sees

The system operator sees no contents: not on pages, in the API, in commands, in logs, in metrics or in backups, which
hold contents encrypted and leave the keys of the cases out. What remains is said here plainly:

- **Root on the host can read everything**: the running node has the keys in its memory and the master key in its
  credentials. Who runs the host is trusted like the authority's own staff, and belongs under its rules.
- The operator opens accounts and grants roles by command, since a new authority's first administrator comes from
  somewhere. An operator who gave somebody, or himself, a handler's role would get in: the grant stands in the audit
  trail with the operator as its maker, and on the authority's page of its users. Every sign-in link that was made for
  a person is shown to that person.
"""
    headings = ("what", *roles)
    per_area = ("*per area*", *("yes" if role in node.domain.access.PER_AREA else "no" for role in roles))
    rows = [
        (f"{one.what} (`{name}`)", *("✓" if role in one.roles else "" for role in roles))
        for name, one in rights.items()
    ]
    return "\n".join([NOTE, *lines.splitlines(), "", table(headings, [per_area, *rows]), after.lstrip()])


# --- probe ---


def probe() -> str:
    """Return probe.md."""
    lines = """
# Probing a node

`entente probe` tests whether a node of whatever make keeps to [the specification](../protocol/SPEC.md), also when a
member doesn't: it replays, forks, alters and forges its own stream, calls with wrong keys and certificates,
with a wrong clock and in versions that don't exist yet. It uses the wire alone, so it needs no access to the node
under test. The report names the rule of each check; the exit code is 1 if one failed.

## A test member

The probe speaks as a member, so the node under test must list one that is there for tests only. Never probe with a
country's real keys: among the checks are forks of the member's own stream, which are proofs against it for ever.

1. Make the test member: `entente init ./test-member --country LI --demo --peers-url https://… --web-url …`, with a
   country of the 30 that takes no other part, in a list that is for tests.
2. Let the operator of the node under test take it in: [operating](operating.md#a-third-country-joins).
3. `entente member join` in `./test-member`, so that it has the list; don't start its node. The probe itself answers
   at its address while it runs, because the node under test compares streams and brings grants of withdrawals.
4. `entente probe HU -C ./test-member`, or another country or address.

## What stays behind

Requests go to an authority that the directory marks as demo, or to the one of `--authority`; without either those
checks are skipped. Each request is withdrawn at the end, also after a failure. The stream of the test member has gone
on by some positions, the refused events' digests stay, and so do the proofs against the test member. The report lists
all of it.

## A transcript for the next version

`--record FILE` writes every call with its answer, as JSON lines. `tests/probe/transcripts/` has the one of each version
of the protocol; a test plays it to the present code, so that a later version is tried against what the earlier one said
and expected. `python -m tests.probe.record` makes it anew.

## The checks

`entente probe --list` prints this table too; `--only` takes a rule or a name.
""".strip()
    checks = sorted(node.cli.probing.run.CHECKS, key=lambda one: (one.rules, one.name))
    headings = ("rules", "check", "what is sent", "what has to come")
    rows = [(" ".join(one.rules), f"`{one.name}`", one.title, one.expects) for one in checks]
    return "\n".join([NOTE, *lines.splitlines(), "", table(headings, rows)])


PAGES = {
    "access.md": access,
    "commands.md": commands,
    "configuration.md": configuration,
    "errors.md": errors,
    "limits.md": limits,
    "probe.md": probe,
}

if __name__ == "__main__":
    for page, make in PAGES.items():
        (HERE / page).write_text(make(), encoding="utf-8")
        print(f"docs/{page}")
