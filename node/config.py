"""The configuration: one TOML file. The descriptions here are the manual (`entente config describe`)."""

import os
import re
import tomllib
from pathlib import Path
from typing import Annotated, Any, Final, Literal

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationError,
    ValidationInfo,
    field_validator,
)

from node.errors import NodeError
from protocol.countries import COUNTRIES
from translations.languages import LANGUAGES

FILE_NAME: Final = "node.toml"
MASTER_KEY: Final = "master.key"
MAIL_PASSWORD: Final = "smtp.password"  # noqa: S105 - a file's name
MAIL_ADDRESS: Final = re.compile(
    r"(?=.{3,254}$)[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]{1,64}(?:\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*"
    r"@(?:[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.)+[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
)
"""An address as every mail server takes it: RFC 5321's Dot-string and a domain of at least two labels, in ASCII."""
_MAX_BYTES: Final = 64 * 1024

Listen = Annotated[str, StringConstraints(pattern=r"^(\d{1,3}(\.\d{1,3}){3}|\[[0-9a-f:]+\]|localhost):\d{1,5}$")]


class Section(BaseModel):
    """A table of the file; unknown keys are errors, so that a typing error never goes unnoticed."""

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)


class NodeSection(Section):
    """Who this node is."""

    country: str = Field(description="Country code, ISO 3166-1 alpha-2 (Greece is GR).")
    name: str = Field(description="Name of the operator, as other operators see it.", min_length=1, max_length=200)
    data: str = Field("data", description="Data directory, relative to this file: databases and attachments.")
    keys: str = Field("keys", description="Directory of the private keys, each a file of mode 0600.")
    master_key: str = Field(
        "",
        description="File of the master key. Empty: systemd's credential master.key, else master.key among the keys.",
    )
    language: str = Field("en", description="Language of pages for readers who haven't chosen one.")
    time_zone: str = Field("UTC", description="Time zone in which pages show times, e.g. Europe/Berlin.")
    demo: bool = Field(default=False, description="Marks every page as demonstration data.")


class PeersSection(Section):
    """The line to the other nodes: mutual TLS 1.3, certificates pinned by the member list."""

    listen: Listen = Field(description="Address and port where other nodes reach this one.")
    url: str = Field(description="The same from outside, as it stands in the member list.", pattern=r"^https://\S+$")
    retry_first_s: float = Field(1.0, description="Seconds until the first repetition after a failure.", gt=0, le=600)
    retry_longest_s: float = Field(300.0, description="Longest wait between repetitions, in seconds.", gt=0, le=86400)
    refresh_s: float = Field(60.0, description="Seconds between looks at other nodes' lists.", gt=0, le=86400)
    work_per_s: float = Field(
        1.0,
        description="Processor seconds that one peer may use per second in the long run; beyond it gets 429 `busy`.",
        gt=0,
        le=100,
    )
    find_nearby: bool = Field(default=False, description="Find nodes of the demo on this network by mDNS.")


class WebSection(Section):
    """Dashboard and API, behind any proxy that ends TLS."""

    listen: Listen = Field(description="Address and port of dashboard and API.")
    url: str = Field(description="The address that officials type.", pattern=r"^https?://\S+$")
    session_hours: float = Field(10.0, description="Hours after which an unused session ends.", gt=0, le=168)
    link_hours: float = Field(24.0, description="Hours for which a one-time sign-in link works.", gt=0, le=168)
    forwarded_for: bool = Field(
        default=False,
        description="Take a caller's address from the last entry of X-Forwarded-For; only behind a proxy that adds it.",
    )
    calls_per_s: float = Field(
        200.0, description="Calls and pages per second of one person in the long run; beyond: 429.", gt=0, le=100_000
    )
    strangers_per_s: float = Field(
        10.0, description="The same of all who aren't signed in at one address.", gt=0, le=100_000
    )


class HealthSection(Section):
    """Health and metrics, for this machine only."""

    listen: Listen = Field(description="Address and port of /healthz and /metrics.")


class DirectorySection(Section):
    """How old other countries' directories may become; they never stop working (SPEC S-223)."""

    stale_hours: float = Field(
        24.0, description="Hours without confirmation after which pages show a directory as old.", gt=0, le=8760
    )
    known_only_days: float = Field(
        30.0, description="Days after which only countries dealt with before can be asked.", gt=0, le=3650
    )


class MailSection(Section):
    """E-mails that tell people of news, without contents, through the operator's own mail server; none without host."""

    host: str = Field(
        "", description="The mail server. Empty: no e-mails are sent.", pattern=r"^[\w.:-]*$", max_length=253
    )
    port: int = Field(587, description="Its port for submission.", ge=1, le=65535)
    security: Literal["starttls", "tls", "none"] = Field(
        "starttls", description="starttls, tls (from the first byte), or none, which is for this machine only."
    )
    ca: str = Field("", description="File of certificates to trust, PEM. Empty: those of the operating system.")
    user: str = Field("", description="User name at the mail server. Empty: it asks for none.", max_length=200)
    password_file: str = Field(
        "",
        description="File of the password, of mode 0600. Empty: systemd's credential smtp.password, else smtp.password"
        " among the keys.",
    )
    sender: str = Field(
        "", description="Address that the mails come from; the links in them begin with web.url.", validate_default=True
    )
    daily_hour: int = Field(
        7, description="Hour of daily summaries and of dates that are near or passed, in node.time_zone.", ge=0, le=23
    )

    @field_validator("security")
    @classmethod
    def _is_safe(cls, value: str, known: ValidationInfo) -> str:
        if value == "none" and known.data.get("host") not in ("", "localhost", "127.0.0.1", "::1"):
            raise ValueError("none is for a mail server on this machine")
        return value

    @field_validator("sender")
    @classmethod
    def _is_address(cls, value: str, known: ValidationInfo) -> str:
        if (known.data.get("host") or value) and not MAIL_ADDRESS.fullmatch(value):
            raise ValueError("an e-mail address is needed where host is given")
        return value


class LogSection(Section):
    """The log: JSON lines on standard error, without personal data."""

    level: str = Field("info", description="debug, info, warning or error.", pattern="^(debug|info|warning|error)$")


class Config(Section):
    """All tables of the file."""

    node: NodeSection
    peers: PeersSection
    web: WebSection
    health: HealthSection
    directory: DirectorySection = DirectorySection()
    mail: MailSection = MailSection()
    log: LogSection = LogSection()
    folder: Path = Field(Path(), exclude=True, description="")

    @property
    def country(self) -> str:
        """This node's country code."""
        return self.node.country

    @property
    def data(self) -> Path:
        """The data directory."""
        return self.folder / self.node.data

    @property
    def keys(self) -> Path:
        """The directory of the private keys."""
        return self.folder / self.node.keys

    def with_data(self, folder: Path) -> "Config":
        """Return the same configuration on another data directory, such as a backup's."""
        return self.model_copy(update={"node": self.node.model_copy(update={"data": str(folder.resolve())})})

    @property
    def master_key(self) -> Path:
        """The file of the master key: as configured, else as systemd hands it over, else among the other keys."""
        return self._secret(self.node.master_key, MASTER_KEY)

    @property
    def mail_password(self) -> Path:
        """The file of the password at the mail server, found like the master key."""
        return self._secret(self.mail.password_file, MAIL_PASSWORD)

    def _secret(self, named: str, usual: str) -> Path:
        if named:
            return self.folder / named
        handed = credentials()
        if handed is not None and os.path.lexists(handed / usual):
            return handed / usual
        return self.keys / usual


def credentials() -> Path | None:
    """Return the directory in which systemd hands secrets to this process alone (systemd.exec, LoadCredential)."""
    named = os.environ.get("CREDENTIALS_DIRECTORY")
    return Path(named) if named else None


def load(path: Path) -> Config:
    """Read a configuration file, or the `node.toml` of a directory.

    Raises `config-missing` or `config-invalid`; the message is `FILE:LINE: TABLE.KEY: what is wrong`.
    """
    file = path / FILE_NAME if path.is_dir() else path
    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        raise NodeError("config-missing", f"{file} can't be read.") from None
    if len(text) > _MAX_BYTES:
        raise NodeError("config-invalid", f"{file} is larger than {_MAX_BYTES} bytes.")
    return parse(text, file)


def parse(text: str, file: Path) -> Config:
    """Check the text of a configuration file."""
    try:
        values: dict[str, Any] = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        line = re.search(r"line (\d+)", str(error))
        raise NodeError("config-invalid", f"{file}:{line[1] if line else len(text.splitlines())}: {error}") from None
    try:
        config = Config.model_validate({**values, "folder": file.parent})
    except ValidationError as error:
        faults = [f"{file}:{_line(text, e['loc'])}: {'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors()]
        raise NodeError("config-invalid", "\n".join(faults)) from None
    for place, value, allowed in (
        (("node", "country"), config.node.country, COUNTRIES),
        (("node", "language"), config.node.language, LANGUAGES),
    ):
        if value not in allowed:
            known = ", ".join(sorted(allowed))
            raise NodeError("config-invalid", f"{file}:{_line(text, place)}: {'.'.join(place)}: one of {known}")
    return config


def _line(text: str, place: tuple[int | str, ...]) -> int:
    """Return the line of a table's key, or of the table where the key is missing, or 1."""
    table, key = str(place[0]), str(place[1]) if len(place) > 1 else ""
    inside, found = False, 1
    for number, line in enumerate(text.splitlines(), 1):
        header = re.match(r"\s*\[\s*([^\]]+?)\s*\]", line)
        if header:
            inside = header[1] == table
            found = number if inside else found
        elif (inside and key and re.match(rf"\s*{re.escape(key)}\s*=", line)) or (
            not inside and re.match(rf"\s*{re.escape(table)}\s*=", line)
        ):
            return number
    return found


def describe() -> str:
    """Return a commented example with every key and its default."""
    lines = []
    for table, field in Config.model_fields.items():
        section = field.annotation
        if not (isinstance(section, type) and issubclass(section, Section)):
            continue
        lines += [f"# {(section.__doc__ or '').strip()}", f"[{table}]"]
        for key, entry in section.model_fields.items():
            value = EXAMPLE[table, key] if entry.is_required() else entry.default
            shown = str(value).lower() if isinstance(value, bool) else f'"{value}"' if isinstance(value, str) else value
            lines += [f"# {entry.description}", f"{key} = {shown}"]
        lines.append("")
    return "\n".join(lines)


EXAMPLE: Final[dict[tuple[str, str], str]] = {
    ("node", "country"): "DE",
    ("node", "name"): "Bundesverwaltungsamt",
    ("peers", "listen"): "127.0.0.1:7443",
    ("peers", "url"): "https://node.de.example:7443",
    ("web", "listen"): "127.0.0.1:7080",
    ("web", "url"): "https://entente.de.example",
    ("health", "listen"): "127.0.0.1:7090",
}
"""Values for the keys that have no default, as `entente config describe` prints them."""
