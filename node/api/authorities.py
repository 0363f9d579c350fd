"""Our own authorities: changing, history, undoing, ending; a coordinator's list, registering and inviting."""

import datetime as dt
from typing import Annotated, Any, Final

from pydantic import Field

from directory_sync.authority import Authority, AuthorityId
from node.api.route import Call, Limit, Page, PageQuery, Route, Shape
from node.domain.person import MAX_LABEL_CHARS, MAX_NAME_CHARS
from node.errors import NodeError
from node.service import authority_edit, authority_erasure, authority_history, coordinated, registration
from node.service.authority_edit import MAX_REASON_CHARS, Why
from node.service.authority_history import Change
from node.service.coordinated import Wanted
from node.service.registration import INVITATION_DAYS, MAX_NOTE_CHARS, Account, Registration

Reason = Annotated[str, Field(max_length=MAX_REASON_CHARS, description="Why; it stays in the history.")]
Version = Annotated[int, Field(ge=1, le=2**53 - 1, description="`v` of the record that the change is made from.")]


class ChangedRecord(Shape):
    """A record with its changes; `v` in it is the version that it was made from."""

    record: Authority
    reason: Reason


class FieldView(Shape):
    """One field before and after a change; null where it had or has no value."""

    field: str
    before: str | None
    after: str | None


class ChangeView(Shape):
    """One change of an authority's record; `by` is empty for the operator's command line."""

    change: int
    at: dt.datetime
    by: str
    kind: str
    reason: str
    fields: tuple[FieldView, ...]
    undoable: bool


class Undo(Shape):
    """Which change is taken back: the record as it was before it is published as a new version."""

    change: Annotated[int, Field(ge=1, le=2**53 - 1)]
    v: Version
    reason: Reason


class End(Shape):
    """The last day of an authority, and who took its tasks over."""

    v: Version
    valid_until: dt.date
    successor: AuthorityId | None = None
    reason: Reason


class Erasure(Shape):
    """Why a record is erased."""

    reason: Reason


class CoordinatedQuery(PageQuery):
    """Which of the coordinated authorities."""

    q: str = Field("", max_length=200, description="Words of name, place or id.")
    area: str = Field("", max_length=120, description="Id of a legal area.")
    state: str = Field("", max_length=20, description="active, suspended or ended.")
    limit: Limit = Field(50, le=coordinated.MAX_LIMIT, ge=1)


class Administrator(Shape):
    """The first administrator of a new authority."""

    login: Annotated[str, Field(max_length=MAX_LABEL_CHARS)]
    name: Annotated[str, Field(max_length=MAX_NAME_CHARS)]
    language: str

    @property
    def account(self) -> Account:
        """The account as the service takes it."""
        return Account(self.login, self.name, self.language)


class NewAuthority(Shape):
    """An authority that a coordinator registers; without links in the record it becomes its coordinator."""

    coordinator: AuthorityId
    record: Authority
    administrator: Administrator | None = None
    reason: Reason


class RegisteredView(Shape):
    """A new authority, and the link that signs its first administrator in once."""

    authority: Authority
    url: str | None


class Invitation(Shape):
    """Whom a coordinator invites, in words of its own."""

    coordinator: AuthorityId
    note: Annotated[str, Field(max_length=MAX_NOTE_CHARS)]


class InvitationLink(Shape):
    """A link that opens the form of an invitation once."""

    id: str
    url: str
    expires_at: dt.datetime


class RegistrationView(Shape):
    """An invitation and what came of it: invited, submitted, returned, approved or withdrawn."""

    id: str
    coordinator: str
    note: str
    state: str
    reason: str
    expires_at: dt.datetime
    updated_at: dt.datetime
    authority: str | None
    record: dict[str, Any]
    administrator: Administrator | None


class Approval(Shape):
    """Under which id a registration becomes an authority; an empty one is made from the name."""

    authority: Annotated[str, Field(max_length=64)] = ""
    reason: Reason


class Returned(Shape):
    """Why a registration goes back; not needed where only the link is renewed."""

    reason: Annotated[str, Field(max_length=MAX_REASON_CHARS)] = ""


async def change(call: Call) -> Authority:
    """Change an authority."""
    body: ChangedRecord = call.body
    if body.record.id != call.path["authority"]:
        raise NodeError("invalid", fields={"record.id": "differs"})
    return await authority_edit.change(call.node, call.actor, body.record, Why("edit", body.reason))


async def history(call: Call) -> Page[ChangeView]:
    """Read an authority's history."""
    query: PageQuery = call.query
    found = authority_history.history(call.node, call.actor, call.path["authority"], query.limit + 1, query.offset)
    more = query.offset + query.limit if len(found) > query.limit else None
    return Page[ChangeView](items=tuple(_change(one) for one in found[: query.limit]), next=more)


def _change(one: Change) -> ChangeView:
    fields = tuple(FieldView(field=f.field, before=f.before, after=f.after) for f in one.fields)
    return ChangeView(
        change=one.seq, at=one.at, by=one.by, kind=one.kind, reason=one.reason, fields=fields, undoable=one.undoable
    )


async def undo(call: Call) -> Authority:
    """Take a change back."""
    body: Undo = call.body
    return await authority_history.undo(call.node, call.actor, call.path["authority"], body.change, body.v, body.reason)


async def end(call: Call) -> Authority:
    """End an authority."""
    body: End = call.body
    why = (body.reason, body.successor)
    return await authority_history.end(call.node, call.actor, call.path["authority"], body.v, body.valid_until, why)


async def erase(call: Call) -> None:
    """Erase an authority's record."""
    body: Erasure = call.body
    await authority_erasure.erase(call.node, call.actor, call.path["authority"], body.reason)


async def listing(call: Call) -> Page[Authority]:
    """List the authorities that the caller coordinates."""
    query: CoordinatedQuery = call.query
    wanted = Wanted(query.q, query.area, query.state, query.limit, query.offset)
    found = await coordinated.coordinated(call.node, call.actor, wanted)
    return Page[Authority](items=found.items, next=found.more)


async def register(call: Call) -> RegisteredView:
    """Register an authority."""
    body: NewAuthority = call.body
    account = body.administrator.account if body.administrator else None
    made = await registration.register(
        call.node, call.actor, body.coordinator, body.record.model_dump(mode="json"), (body.reason, account)
    )
    return RegisteredView(authority=made.authority, url=_url(call, "link", made.link) if made.link else None)


def _url(call: Call, page: str, token: str) -> str:
    return f"{call.node.config.web.url.rstrip('/')}/{page}/{token}"


async def invite(call: Call) -> InvitationLink:
    """Invite an authority."""
    body: Invitation = call.body
    made, token = await registration.invite(call.node, call.actor, body.coordinator, body.note)
    return _invitation(call, made, token)


def _invitation(call: Call, made: str, token: str) -> InvitationLink:
    expires = call.node.clock.now() + dt.timedelta(days=INVITATION_DAYS)
    return InvitationLink(id=made, url=_url(call, "invitation", token), expires_at=expires)


async def registrations(call: Call) -> Page[RegistrationView]:
    """List registrations."""
    query: PageQuery = call.query
    found = registration.listing(call.node, call.actor)
    end_of_page = query.offset + query.limit
    items = tuple(_view(one) for one in found[query.offset : end_of_page])
    return Page[RegistrationView](items=items, next=end_of_page if end_of_page < len(found) else None)


def _view(one: Registration) -> RegistrationView:
    account = one.account
    return RegistrationView(
        id=one.id,
        coordinator=one.coordinator,
        note=one.note,
        state=one.state,
        reason=one.reason,
        expires_at=one.expires_at,
        updated_at=one.updated_at,
        authority=one.authority,
        record=one.record,
        administrator=Administrator(login=account.login, name=account.name, language=account.language)
        if account
        else None,
    )


async def read(call: Call) -> RegistrationView:
    """Read a registration."""
    return _view(registration.one(call.node, call.actor, call.path["registration"]))


async def approve(call: Call) -> RegisteredView:
    """Approve a registration."""
    body: Approval = call.body
    made = await registration.approve(call.node, call.actor, call.path["registration"], body.authority, body.reason)
    return RegisteredView(authority=made.authority, url=_url(call, "link", made.link) if made.link else None)


async def give_back(call: Call) -> InvitationLink:
    """Return a registration, or renew its link."""
    body: Returned = call.body
    name = call.path["registration"]
    return _invitation(call, name, await registration.give_back(call.node, call.actor, name, body.reason))


async def withdraw(call: Call) -> None:
    """Withdraw an invitation."""
    await registration.withdraw(call.node, call.actor, call.path["registration"])


_REGISTRATION: Final = "/registrations/{registration}"
ROUTES: Final = (
    Route("PUT", "/authorities/{authority}", "changeAuthority", "Publish a changed record of an authority of ours",
          change, Authority, body=ChangedRecord),
    Route("GET", "/authorities/{authority}/history", "readAuthorityHistory", "Read who changed what, when and why",
          history, Page[ChangeView], query=PageQuery),
    Route("POST", "/authorities/{authority}/undo", "undoAuthorityChange", "Publish the record as before a change",
          undo, Authority, body=Undo),
    Route("POST", "/authorities/{authority}/end", "endAuthority", "End an authority, perhaps with a successor",
          end, Authority, body=End),
    Route("POST", "/authorities/{authority}/erase", "eraseAuthority",
          "Erase an authority's record for data protection, for good", erase, None, body=Erasure, status=204),
    Route("POST", "/authorities", "registerAuthority", "Register an authority on behalf of a coordinator",
          register, RegisteredView, body=NewAuthority, status=201),
    Route("GET", "/coordinated", "listCoordinated", "List the authorities that the caller coordinates",
          listing, Page[Authority], query=CoordinatedQuery),
    Route("POST", "/registrations", "inviteAuthority", "Invite an authority to register itself", invite,
          InvitationLink, body=Invitation, status=201),
    Route("GET", "/registrations", "listRegistrations", "List the invitations of the caller's coordinators",
          registrations, Page[RegistrationView], query=PageQuery),
    Route("GET", _REGISTRATION, "readRegistration", "Read what an invited authority wrote", read, RegistrationView),
    Route("POST", _REGISTRATION + "/approve", "approveRegistration", "Publish it and open its administrator's account",
          approve, RegisteredView, body=Approval, status=201),
    Route("POST", _REGISTRATION + "/return", "returnRegistration", "Give it back with a reason, or renew the link",
          give_back, InvitationLink, body=Returned, status=201),
    Route("POST", _REGISTRATION + "/withdraw", "withdrawRegistration", "End an invitation", withdraw, None,
          status=204),
)  # fmt: skip
