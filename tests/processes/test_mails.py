"""Mails of a real node that is killed while they wait."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from node.cli.demo_nodes import Api, id_of
from node.config import FILE_NAME
from tests.api.conftest import request_body
from tests.exchange.mail_server import USER, MailServer, mail_server
from tests.exchange.test_mails import link_in
from tests.processes.network import Network, entente, log_of, until
from tests.processes.test_monitoring import scrape, value

pytestmark = [pytest.mark.processes, pytest.mark.asyncio(loop_scope="session")]


@pytest_asyncio.fixture(loop_scope="session")
async def told(two: Network, tmp_path: Path) -> AsyncIterator[MailServer]:
    """Let Budapest send by a mail server that is down already, and end that afterwards; its places are in `tmp_path`."""
    async with mail_server(tmp_path) as server:
        file = two.nodes["HU"].folder / FILE_NAME
        before = file.read_text(encoding="utf-8")
        server.section(tmp_path)  # makes the file of the password
        lines = {"host": "localhost", "ca": str(server.ca), "user": USER, "sender": "entente@node.example"}
        lines["password_file"] = str(tmp_path / "smtp.password")
        section = f"port = {server.port}\n" + "".join(f'{name} = "{value}"\n' for name, value in lines.items())
        head, _, rest = before.partition("[mail]\n")
        file.write_text(f"{head}[mail]\n{section}[log]{rest.partition('[log]')[2]}", encoding="utf-8")
        await two.kill("HU")
    yield server
    file.write_text(before, encoding="utf-8")
    await two.kill("HU")


async def test_a_mail_that_waits_survives_kill_9(two: Network, told: MailServer, tmp_path: Path):
    """The server is down when the request comes and the node is killed: started again it sends, once, in Hungarian."""
    budapest = two.nodes["HU"]
    operator = Api(budapest, budapest.operator_token(), two.session)
    link = await operator.call("POST", f"people/{await id_of(operator, 'szabo.katalin')}/link")
    opened = await Api(budapest, "", two.session).call("POST", "session", {"link": link["url"].rpartition("/")[2]})
    own = Api(budapest, opened["session"], two.session)
    await own.call("PUT", "me/mail", {"address": "katalin@register.example"})
    async with mail_server(tmp_path, made=told):
        (asks,) = await told.count(1)
        await own.call("POST", "me/mail/confirm", {"link": link_in(asks).rpartition("/")[2]})
    anna = await two.reader("DE", "anna.berger")
    made = await anna.api.call("POST", "requests", request_body())

    async def is_known() -> bool:
        said = (await entente("mail", "list", "--json", "-C", budapest.folder)).data
        return len(said["waiting"]) == 1 and "can't connect" in said["server"]

    await until("the mail waits and the operator sees why", is_known)
    assert value(await scrape(two, "HU"), "entente_waiting_mails") == 1
    await two.kill("HU")
    async with mail_server(tmp_path, made=told):
        mail = (await told.count(2))[1]
        assert mail["Subject"].startswith("Entente: Új megkeresés · Németország · határidő: ")
        assert link_in(mail) == f"{budapest.url}/cases/{made['id']}"

        async def is_empty() -> bool:
            said = (await entente("mail", "list", "--json", "-C", budapest.folder)).data
            return said == {"server": "", "waiting": [], "refused": []}

        await until("nothing waits any more", is_empty)
    assert len(told.taken) == 2
    assert "register.example" not in str(log_of(budapest.folder))
    await own.call("PUT", "me/mail", {"address": ""})
