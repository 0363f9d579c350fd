"""`entente mail` and what `doctor` says of the mail server, as an operator types them beside a real one."""

import asyncio
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.conftest import Entente, init
from tests.cli.test_doctor import check
from tests.exchange.mail_server import PASSWORD, USER, MailServer, mail_server


@pytest.fixture
def server(tmp_path: Path) -> Iterator[MailServer]:
    """Run a mail server beside the commands, which have loops of their own."""
    loop, made, ended = asyncio.new_event_loop(), [], asyncio.Event()
    ready = threading.Event()

    async def serve() -> None:
        async with mail_server(tmp_path) as running:
            made.append(running)
            ready.set()
            await ended.wait()

    thread = threading.Thread(target=loop.run_until_complete, args=(serve(),))
    thread.start()
    assert ready.wait(20)
    yield made[0]
    loop.call_soon_threadsafe(ended.set)
    thread.join(20)
    loop.close()


def test_an_operator_sets_up_mails_and_sees_that_they_arrive(entente: Entente, folder: Path, server: MailServer):
    """Without the section doctor says so; with it the test mail arrives; a wrong password is named by both."""
    init(entente, "AT")
    assert "no mail server is named" in check(entente("doctor", "-C", "at", "--json"), "mail")["message"]
    assert "mail-server" in entente("mail", "test", "olga@example.org", "-C", "at", code=1).err
    toml = folder / "at/node.toml"
    head, table, rest = toml.read_text().partition("[mail]\n")
    assert rest.startswith("# The mail server.")
    section = f'host = "localhost"\nport = {server.port}\nca = "{server.ca}"\nuser = "{USER}"\n'
    log = "[log]" + rest.partition("[log]")[2]
    toml.write_text(head + table + section + log)
    assert "mail.sender" in entente("mail", "test", "olga@example.org", "-C", "at", code=1).err
    toml.write_text(head + table + section + 'sender = "entente@example.at"\n' + log)
    assert "smtp.password can't be read" in entente("mail", "test", "olga@example.org", "-C", "at", code=1).err
    secret = folder / "at/keys/smtp.password"
    secret.write_text(f"{PASSWORD}\n")
    secret.chmod(0o644)
    assert "0600 is needed" in check(entente("doctor", "-C", "at", "--json", code=1), "mail")["message"]
    secret.chmod(0o600)
    assert "answers, starttls" in check(entente("doctor", "-C", "at", "--json"), "mail")["message"]
    entente("mail", "test", "olga@example.org", "-C", "at")
    assert [mail["To"] for mail in server.taken] == ["olga@example.org"]
    assert server.secure == [True]
    assert "malformed" in entente("mail", "test", "olga@\nexample", "-C", "at", code=1).err
    server.answers["rcpt"] = ["550 5.1.1 <{address}> unknown"]
    assert "550 5.1.1" in entente("mail", "test", "nobody@example.org", "-C", "at", code=1).err
    assert "Nothing waits." in entente("mail", "list", "-C", "at").out
    assert entente("mail", "list", "--json", "-C", "at").data == {"server": "", "waiting": [], "refused": []}
    assert "tried now: 0" in entente("mail", "retry", "-C", "at").out
    assert "not-found" in entente("mail", "retry", "nothing", "-C", "at", code=1).err
