"""Sending mails: what waits, one after the other, with pauses that grow while the mail server can't be used."""

import asyncio
import contextlib
from typing import TYPE_CHECKING, Final

import structlog

from node.delivery.smtp import MailServerError, connected, send
from node.service import mailing, telling
from node.service.letters import Letter
from node.service.node import Node

if TYPE_CHECKING:
    from aiosmtplib import SMTP

log: Final = structlog.get_logger("entente.mail")

LOOK_S: Final = 15.0
"""Seconds between looks at what became due or was changed by a command; news wake it at once."""
MAX_AT_ONCE: Final = 100
"""Mails that go over one connection."""
_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 5.0, 300.0


class Mailer:
    """Sends at least once: a mail is forgotten after the server has taken it, and keeps its Message-ID till then."""

    def __init__(self, node: Node) -> None:
        """Take a node whose `[mail]` is set up."""
        self._node = node
        self._woken = asyncio.Event()
        self._failures = 0
        node.post = self._woken.set

    async def run(self) -> None:
        """Send until cancelled; no error ends it."""
        while True:
            _end_if_cancelled()
            self._woken.clear()
            try:
                more = await self.round()
                self._failures = 0
            except MailServerError as error:
                more, self._failures = False, self._failures + 1
                await self._note(str(error))
            except Exception:
                log.exception("mails-failed")  # a full disk, say; what waits goes on waiting
                more, self._failures = False, self._failures + 1
            if self._failures:
                await asyncio.sleep(min(_LONGEST_PAUSE_S, _FIRST_PAUSE_S * 2 ** min(self._failures - 1, 20)))
            elif not more:
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(LOOK_S):
                        await self._woken.wait()

    async def round(self) -> bool:
        """Queue what the day brings and send what can be sent; says whether more may wait."""
        await telling.look(self._node)
        ids = mailing.waiting(self._node, MAX_AT_ONCE)
        if ids:
            async with connected(self._node.config) as client:
                await mailing.server_failed(self._node, None)
                for mail_id in ids:
                    letter = await self._composed(mail_id)
                    if letter is not None:
                        await self._send(client, letter)
                    _end_if_cancelled()
        return len(ids) == MAX_AT_ONCE

    async def _send(self, client: "SMTP", letter: Letter) -> None:
        try:
            fate, code = await send(client, letter)
        except MailServerError as error:  # perhaps because of this mail: the others go first when it is tried again
            await mailing.settle(self._node, letter.id, letter.address, "later", str(error))
            raise
        await mailing.settle(self._node, letter.id, letter.address, fate, code)

    async def _composed(self, mail_id: str) -> Letter | None:
        try:
            return await mailing.compose(self._node, mail_id)
        except Exception as error:
            log.exception("mail-not-written", mail=mail_id)  # of this one alone: the others go on
            never = isinstance(error, mailing.UnwritableError)
            await mailing.settle(self._node, mail_id, "", "refused" if never else "later", "internal")
            return None

    async def _note(self, reason: str) -> None:
        log.info("mail-server-failed", reason=reason)
        try:
            await mailing.server_failed(self._node, reason)
        except Exception:
            log.exception("failure-not-noted")


def _end_if_cancelled() -> None:
    """End where the library has swallowed the cancellation: on Python 3.11, `wait_for` does when an answer is there."""
    task = asyncio.current_task()
    if task is not None and task.cancelling():
        raise asyncio.CancelledError
