"""A request that is being written: its draft, and what the pages show of it."""

from dataclasses import dataclass
from http import HTTPStatus

from aiohttp import web

from directory_sync.authority import Authority
from node.dashboard.form import Form
from node.dashboard.page import ACTOR, NODE, Flash, Mistake, Texts, render, texts_of
from node.domain.case_view import Party
from node.domain.draft import Draft, RequestDraft
from node.errors import NodeError
from node.service import drafts, find, preview
from node.service.node import Node
from translations.area import Area


@dataclass(frozen=True)
class Asking:
    """A request that is being written: its draft, and what the pages show of it.

    `changed`: somebody else was quicker; the draft holds what was typed here, and its version is the other's.
    """

    request: web.Request
    node: Node
    draft: Draft
    changed: bool = False

    @classmethod
    def of(cls, request: web.Request) -> "Asking":
        """Read the draft that the address names."""
        draft = drafts.read(request.app[NODE], request[ACTOR], request.match_info["draft"])
        if draft.request is None:
            raise NodeError("not-found")
        return cls(request, request.app[NODE], draft)

    @property
    def content(self) -> RequestDraft:
        """What has been filled in."""
        assert self.draft.request is not None
        return self.draft.request

    @property
    def base(self) -> str:
        """The draft's address."""
        return f"/ask/{self.draft.id}"

    @property
    def texts(self) -> Texts:
        """The reader's texts."""
        return texts_of(self.request)

    def area(self) -> Area:
        """Return the area chosen; leads back to step 1 where it or the authority is missing or unknown."""
        area = self.node.areas.get(self.content.area or "")
        if area is None or self.content.set not in area.question_sets or self.party() is None:
            raise web.HTTPSeeOther(self.base)
        return area

    def party(self) -> Party | None:
        """Return the authority chosen."""
        record = find.known(self.node, self.content.to)
        return party_of(self.texts, record) if record else None

    def askable(self) -> bool:
        """Say whether the authority chosen can be asked today."""
        return bool(self.content.to) and find.is_active(self.node, self.content.country or "", self.content.to or "")

    async def save(self, content: RequestDraft, form: Form) -> "Asking":
        """Keep what was typed; `changed` where a colleague changed the draft since the page was shown."""
        actor = self.request[ACTOR]
        try:
            draft = await drafts.save(self.node, actor, self.draft.id, content, version_of(form, self.draft))
        except NodeError as error:
            if error.code != "stale":
                raise
            theirs = drafts.read(self.node, actor, self.draft.id)
            files = theirs.request.attachments if theirs.request else ()
            typed = content.model_copy(update={"attachments": files})
            return Asking(self.request, self.node, theirs.model_copy(update={"request": typed}), changed=True)
        return Asking(self.request, self.node, draft)

    def show(self, template: str, errors: dict[str, Mistake] | None = None, **context: object) -> web.Response:
        """Render a step."""
        frame = {
            "section": "ask",
            "base": self.base,
            "draft": self.draft.id,
            "saved_at": self.draft.updated_at,
            "version": self.draft.version,
            "authority": self.party(),
            "errors": errors or {},
        }
        if self.changed:
            frame["flash"] = (changed_note(self.texts),)
        status = HTTPStatus.CONFLICT if self.changed else HTTPStatus.UNPROCESSABLE_ENTITY if errors else HTTPStatus.OK
        return render(self.request, template, status, **{**frame, **context})


def version_of(form: Form, draft: Draft) -> int:
    """Return the version of a draft that a form was made from."""
    shown = form.number("version")
    return draft.version if shown is None else shown


def changed_note(texts: Texts) -> Flash:
    """Say that somebody else has changed the draft, and how what was typed replaces that."""
    return Flash("warning", texts.t("error.draft-changed"))


def party_of(texts: Texts, record: Authority) -> Party:
    """Return an authority as the replying party, with its title in the reader's language."""
    text, lang = preview.title_of(record, texts.lang)
    title = {"text": text, "lang": lang} if text else None
    return Party.model_validate(
        {
            "side": "replying",
            "country": record.country,
            "country_name": texts.country_name(record.country),
            "authority": record.id,
            "name": record.name,
            "title": title,
        }
    )
