"""The outbox, for the operator: what waits, what has ended and why, and to drop a message or send it again."""

from collections.abc import Awaitable, Callable
from typing import Any, cast, get_args

from quart import Blueprint, Response, request

from adapters.keys import Keys
from adapters.web.access import only_admin
from adapters.web.answers import answer, refusal
from engine.core.identity import anonymous, known
from engine.runtime.outbox import NotPossible, Outbox
from engine.runtime.ports import Store
from engine.runtime.records import Dispatch, DispatchState

STATES: tuple[DispatchState, ...] = get_args(DispatchState)

_MOST = 10_000


def outbox_routes(keys: Keys, outbox: Outbox, store: Store) -> Blueprint:
    """The routes below `/admin/outbox`; all ask for the admin token."""
    routes = Blueprint("outbox", __name__)

    @routes.before_request
    async def permitted() -> None:
        only_admin(keys, request)

    @routes.get("/admin/outbox")
    async def listed() -> Response:
        states, asked = request.args.getlist("state"), request.args.get("limit", "100")
        limit = int(asked) if asked.isdecimal() and len(asked) <= len(str(_MOST)) else 0
        wrong = _wrong(states, limit)
        if wrong:
            return refusal(400, wrong)
        found = await _found(store, cast("list[DispatchState]", states), request.args.get("user", ""), limit)
        return answer(
            {"messages": [told(each) for each in found], "waiting": outbox.waiting, "paused": outbox.paused()}
        )

    @routes.get("/admin/outbox/<message_id>")
    async def shown(message_id: str) -> Response:
        found = await store.dispatch(message_id)
        if found is None:
            return refusal(404, "there is no such message, or it is too long ago")
        return answer(told(found))

    @routes.post("/admin/outbox/<message_id>/<any(retry, drop):what>")
    async def change(message_id: str, what: str) -> Response:
        act: Callable[[str], Awaitable[Dispatch]] = outbox.retry if what == "retry" else outbox.drop
        if await store.dispatch(message_id) is None:
            return refusal(404, "there is no such message, or it is too long ago")
        try:
            return answer(told(await act(message_id)))
        except NotPossible as problem:
            return refusal(409, str(problem))

    return routes


def _wrong(states: list[str], limit: int) -> str:
    """What cannot be asked for; empty if all can."""
    unknown = [state for state in states if state not in STATES]
    if unknown:
        return f"{unknown[0]!r} is no state of a message: {', '.join(STATES)}"
    return "" if 1 <= limit <= _MOST else f"`limit` is a number from 1 to {_MOST}"


async def _found(store: Store, states: list[DispatchState], user_id: str, limit: int) -> list[Dispatch]:
    """Messages; an id is looked for among the users' ids first, then among the visitors'."""
    if not user_id:
        return await store.dispatches(states=states, limit=limit)
    found = await store.dispatches(states=states, name=known(user_id), limit=limit)
    return found or await store.dispatches(states=states, name=anonymous(user_id), limit=limit)


def told(dispatch: Dispatch) -> dict[str, Any]:
    """What there is to say of a message; all instants are milliseconds."""
    firing = dispatch.firing
    return {
        "id": dispatch.id,
        "state": dispatch.state,
        "reason": dispatch.reason,
        "gate": dispatch.gate,
        "message": dispatch.message,
        "destination": dispatch.destination,
        "user": firing.user,
        "trigger": firing.trigger,
        "per": firing.per,
        "fired": firing.at,
        "attempts": dispatch.attempts,
        "begun": dispatch.begun,
        "due": dispatch.due,
        "changed": dispatch.changed,
    }
