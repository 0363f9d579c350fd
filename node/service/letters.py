"""What a mail says, in its reader's language: kind, country, date and link; no person, no contents, no number."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from email.header import Header
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from typing import Final

from node.domain.mail import FOR_ADMINISTRATORS, FOR_COORDINATORS, URGENCY, News
from node.service.node import Node
from node.store.tx import Row
from translations.dates import format_date
from translations.languages import country_name

MAX_NEWS: Final = 200
"""Entries of a daily summary; of those beyond it says how many there are."""
_POLICY: Final = SMTP.clone(cte_type="7bit")


_NEWS: Final[dict[News, str]] = {
    "new": "ask.title",
    "accepted": "event.request.accept",
    "declined": "event.request.decline",
    "answered": "mail.answered",
    "partly-answered": "event.request.reply-part",
    "clarification": "event.request.clarify",
    "referred": "state.referred",
    "upheld": "state.upheld",
    "withdrawal-asked": "event.wish.withdraw",
    "withdrawn": "event.request.withdraw",
    "closed": "event.request.close",
    "date-proposed": "event.date.propose",
    "date-agreed": "event.date.agree",
    "message": "event.note.message",
    "near": "mail.near",
    "passed": "mail.passed",
    "unaccepted": "remind.unaccepted",
    "unaccepted-there": "remind.unaccepted",
    "idle": "remind.idle",
    "contested": "event.correction.contest",
    "contest-answered": "mail.contest-answered",
    "subject-near": "mail.subject-near",
    "subject-passed": "mail.subject-passed",
    "approval-asked": "approvals.waiting",
    "approved": "approvals.approved",
    "returned": "approvals.returned",
    "referral": "state.referred",
    "referral-ended": "mail.referral-ended",
}
"""The text that names each kind of news."""


_LISTED: Final[dict[News, str]] = {"approval-asked": "approvals", "referral-ended": "work"}


@dataclass(frozen=True)
class Letter:
    """A mail that is ready to be sent: its envelope's two addresses, and the message as it goes on the line."""

    id: str
    sender: str
    address: str
    data: bytes


@dataclass(frozen=True)
class Writer:
    """Writes mails for one reader."""

    node: Node
    lang: str

    def news(self, row: Row) -> tuple[str, str]:
        """Return subject and text of one piece of news."""
        words = self._words(row)
        return " · ".join(words), "\n".join((*words, "", self._link(row), "", *self._footer()))

    def summary(self, rows: Sequence[Row]) -> tuple[str, str]:
        """Return subject and text of a daily summary, what is urgent first."""
        ordered = sorted(rows, key=lambda row: (URGENCY.index(row["news"]), row["due"], row["id"]))
        entries = [line for row in ordered[:MAX_NEWS] for line in (" · ".join(self._words(row)), self._link(row), "")]
        more = [f"… +{len(ordered) - MAX_NEWS}", ""] if len(ordered) > MAX_NEWS else []
        return f"{self._t('mail.summary')} ({len(rows)})", "\n".join((*entries, *more, *self._footer()))

    def confirmation(self, secret: str) -> tuple[str, str]:
        """Return subject and text of the mail that asks whether an address is right."""
        return self._t("mail.confirm"), "\n".join(
            (self._t("mail.confirm.text"), "", self._url(f"profile/mail/{secret}"), "")
        )

    def letter(self, name: str, address: str, at: datetime, said: tuple[str, str]) -> Letter:
        """Return the mail; it has the same Message-ID each time it is sent."""
        sender = self.node.config.mail.sender
        message = EmailMessage(_POLICY)
        message["From"] = f"Entente <{sender}>"
        message["To"] = address
        message["Date"] = format_datetime(at)
        message["Message-ID"] = f"<{name}@{sender.rpartition('@')[2]}>"
        message["Content-Language"] = self.lang
        message["Auto-Submitted"] = "auto-generated"  # RFC 3834: no holiday notices, please
        message["X-Auto-Response-Suppress"] = "All"
        message.set_content(said[1], cte="quoted-printable" if said[1].isascii() else "base64")
        return Letter(name, sender, address, self._unfolded(f"Entente: {said[0]}") + message.as_bytes())

    def _unfolded(self, subject: str) -> bytes:
        """Return the headers that the library's policy would fold wrongly: spaces get lost, an address is encoded.

        List-Unsubscribe is of RFC 2369.
        """
        folded = Header(subject, "utf-8", header_name="Subject").encode(linesep="\r\n")
        return f"Subject: {folded}\r\nList-Unsubscribe: <{self._url('profile#mail')}>\r\n".encode()

    def _words(self, row: Row) -> tuple[str, str, str]:
        due = format_date(date.fromisoformat(row["due"]), self.lang)
        country = country_name(row["country"], self.lang)
        return self._t(_NEWS[row["news"]]), country, self._t("due.until", date=due)

    def _link(self, row: Row) -> str:
        news: News = row["news"]
        case_id = row["case_id"]
        if news in FOR_COORDINATORS:
            return self._url("urgent")
        if news in _LISTED:  # no case opens for this: it waits in a list, or isn't the reader's any more
            return self._url(_LISTED[news])
        if (right := FOR_ADMINISTRATORS.get(news)) == "subjects.manage":
            return self._url(f"subjects/{case_id}")
        place = f"cases/{case_id}" if row["role"] else f"ask/{case_id}/check"
        return self._url(place + ("/corrections" if right else ""))

    def _footer(self) -> tuple[str, str]:
        return "-- ", self._t("mail.footer", link=self._url("profile#mail"))

    def _url(self, path: str) -> str:
        return f"{self.node.config.web.url.rstrip('/')}/{path}"

    def _t(self, text_id: str, **values: object) -> str:
        return self.node.texts.text(text_id, self.lang, **values).text
