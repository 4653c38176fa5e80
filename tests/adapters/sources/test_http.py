import gzip

import pytest
import trio

from adapters.sources.body import BODY_LIMIT
from tests.adapters.running import Sidecar


def track(event: str = "view", user: str = "u", **others: object) -> dict[str, object]:
    return {"type": "track", "userId": user, "event": event, **others}


async def test_an_event_is_taken_and_seen_in_the_user(sidecar: Sidecar) -> None:
    answer = await sidecar.client.post("/v1/track", json=track("view", properties={"product": "hat"}))
    assert (answer.status_code, answer.json()) == (200, {"success": True})
    assert await sidecar.events("u") == ["view"]


@pytest.mark.parametrize(
    ("path", "call", "event"),
    [
        ("/v1/t", {"event": "view"}, "view"),
        ("/v1/p", {"name": "Home"}, "page"),
        ("/v1/s", {"name": "Home"}, "screen"),
        ("/v1/b", {"batch": [track()]}, "view"),
        ("/v1/import", {"batch": [track()]}, "view"),
    ],
)
async def test_browsers_and_old_libraries_call_the_paths_otherwise(
    sidecar: Sidecar, path: str, call: dict[str, object], event: str
) -> None:
    assert (await sidecar.client.post(path, json={"userId": "u"} | call)).status_code == 200
    assert await sidecar.events("u") == [event]


async def test_who_somebody_is_has_short_paths_too(sidecar: Sidecar) -> None:
    for path, call in (
        ("/v1/i", {"userId": "u", "traits": {"plan": "vip"}}),
        ("/v1/g", {"userId": "u", "groupId": "club"}),
        ("/v1/a", {"userId": "u", "previousId": "visitor"}),
    ):
        assert (await sidecar.client.post(path, json=call)).status_code == 200
    known = (await sidecar.user("visitor")).json()
    assert (known["user"], known["traits"]) == ("u", {"plan": "vip", "group": {"id": "club"}})


async def test_a_beacon_shows_the_key_in_its_address_for_it_can_set_no_header(sidecar: Sidecar) -> None:
    path = f"/beacon/v1/batch?writeKey={sidecar.keys.write_key}"
    answer = await sidecar.stranger.post(path, json={"batch": [track(userId="", anonymousId="a")]})
    assert answer.status_code == 200
    assert await sidecar.events("a") == ["view"]


async def test_null_and_empty_ids_are_none_and_big_numbers_are_kept_to_the_digit(sidecar: Sidecar) -> None:
    body = b'{"batch": [{"type": "track", "event": "view", "userId": %s, "anonymousId": %s, "context": null}]}'
    for user_id, anonymous_id in ((b"788032119674292922", b"null"), (b"null", b'"a"'), (b'""', b"9007199254740993")):
        answer = await sidecar.client.post("/v1/batch", content=body % (user_id, anonymous_id))
        assert answer.json() == {"success": True}
    for known in ("788032119674292922", "a", "9007199254740993"):
        assert await sidecar.events(known) == ["view"]
    answer = await sidecar.client.post("/v1/batch", content=body % (b"null", b'""'))
    assert answer.json()["rejected"][0]["reason"] == "a call needs a `userId` or an `anonymousId`"


async def test_a_refusal_is_one_that_rudderstack_s_library_for_python_does_not_retry(sidecar: Sidecar) -> None:
    answer = await sidecar.client.post("/v1/batch", content=b"{nope")
    assert (answer.json()["code"], answer.json()["message"]) == (400, answer.json()["error"])


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", "nonsense"])
async def test_the_content_type_does_not_matter(sidecar: Sidecar, kind: str) -> None:
    body = b'{"userId": "u", "event": "view"}'
    answer = await sidecar.client.post("/v1/track", content=body, headers={"Content-Type": kind})
    assert answer.status_code == 200
    assert await sidecar.events("u") == ["view"]


async def test_a_batch_packed_with_gzip_is_taken(sidecar: Sidecar) -> None:
    body = gzip.compress(b'{"batch": [{"type": "page", "userId": "u", "name": "Home"}]}')
    answer = await sidecar.client.post("/v1/batch", content=body, headers={"Content-Encoding": "gzip"})
    assert answer.status_code == 200
    assert await sidecar.events("u") == ["page"]


async def test_a_body_that_unpacks_to_too_much_is_refused(sidecar: Sidecar) -> None:
    bomb = gzip.compress(b" " * (BODY_LIMIT + 1))
    answer = await sidecar.client.post("/v1/batch", content=bomb, headers={"Content-Encoding": "gzip"})
    assert answer.status_code == 413


async def test_a_gzip_body_may_have_several_members(sidecar: Sidecar) -> None:
    body = gzip.compress(b'{"userId": "u", ') + gzip.compress(b'"event": "view"}')
    answer = await sidecar.client.post("/v1/track", content=body, headers={"Content-Encoding": "gzip"})
    assert answer.status_code == 200
    assert await sidecar.events("u") == ["view"]


@pytest.mark.parametrize(
    ("more", "said"), [(b"junk", "follows the gzip body"), (gzip.compress(b"") * 64, "more than 64 members")]
)
async def test_what_follows_a_gzip_body_is_refused_with_the_reason(sidecar: Sidecar, more: bytes, said: str) -> None:
    body = gzip.compress(b'{"userId": "u", "event": "view"}') + more
    answer = await sidecar.client.post("/v1/track", content=body, headers={"Content-Encoding": "gzip"})
    assert answer.status_code == 400
    assert said in answer.text


@pytest.mark.parametrize("body", [b"no gzip", gzip.compress(b"{}")[:-4]])
async def test_a_body_that_is_not_packed_as_it_says_is_refused(sidecar: Sidecar, body: bytes) -> None:
    answer = await sidecar.client.post("/v1/track", content=body, headers={"Content-Encoding": "gzip"})
    assert answer.status_code == 400


async def test_a_body_past_the_limit_is_refused(sidecar: Sidecar) -> None:
    answer = await sidecar.client.post("/v1/batch", content=b" " * (BODY_LIMIT + 1))
    assert answer.status_code == 413


async def test_the_write_key_may_stand_in_the_body(sidecar: Sidecar) -> None:
    body = track() | {"writeKey": sidecar.keys.write_key}
    assert (await sidecar.stranger.post("/v1/track", json=body)).status_code == 200


@pytest.mark.parametrize("key", ["wrong", "", None, "ключ", 5])
async def test_a_wrong_key_or_none_is_refused(sidecar: Sidecar, key: object) -> None:
    assert (await sidecar.stranger.post("/v1/track", json=track() | {"writeKey": key})).status_code == 401
    assert (await sidecar.user("u")).status_code == 404


async def test_bad_events_of_a_batch_are_answered_for_and_the_others_taken(sidecar: Sidecar) -> None:
    batch = [track("one"), track("two", messageId="m2", timestamp="never"), {"type": "track"}, track("three")]
    answer = await sidecar.client.post("/v1/batch", json={"batch": batch})
    assert answer.status_code == 200
    said = answer.json()
    assert (said["success"], said["accepted"]) == (False, 2)
    assert [(each["index"], each["messageId"]) for each in said["rejected"]] == [(1, "m2"), (2, None)]
    assert await sidecar.events("u") == ["one", "three"]


async def test_a_single_bad_event_is_answered_400_with_the_reason(sidecar: Sidecar) -> None:
    answer = await sidecar.client.post("/v1/track", json={"userId": "u"})
    assert answer.status_code == 400
    assert answer.json()["rejected"][0]["reason"] == "a track call needs the name of its `event`"


async def test_what_is_not_json_is_answered_400(sidecar: Sidecar) -> None:
    for path in ("/v1/track", "/v1/batch"):
        assert (await sidecar.client.post(path, content=b"{nope")).status_code == 400


async def test_a_message_id_seen_before_is_accepted_and_not_counted_twice(sidecar: Sidecar) -> None:
    for _ in range(3):
        assert (await sidecar.client.post("/v1/track", json=track(messageId="m1"))).json() == {"success": True}
    assert await sidecar.events("u") == ["view"]


async def test_identify_with_both_ids_brings_the_visitor_s_past_along(sidecar: Sidecar) -> None:
    await sidecar.client.post("/v1/track", json={"anonymousId": "a", "event": "view"})
    await sidecar.client.post("/v1/identify", json={"anonymousId": "a", "userId": "u", "traits": {"plan": "vip"}})
    await sidecar.client.post("/v1/track", json={"anonymousId": "a", "event": "cart"})
    assert await sidecar.events("u") == ["view", "cart"]
    assert (await sidecar.user("a")).json()["user"] == "u"


async def test_an_ending_sidecar_asks_to_come_back(sidecar: Sidecar) -> None:
    sidecar.service.status = "ending"
    answer = await sidecar.client.post("/v1/track", json=track())
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "2")
    assert (await sidecar.client.get("/readyz")).status_code == 503
    assert (await sidecar.client.get("/healthz")).status_code == 200


@pytest.mark.parametrize("path", ["/v1/batch", "/unknown", "/webhook/shop"])
async def test_after_a_refusal_the_next_request_is_answered(sidecar: Sidecar, path: str) -> None:
    for _ in range(20):
        with trio.fail_after(5):
            refused = await sidecar.stranger.post(path, content=b" " * (BODY_LIMIT + 1_000_000))
            assert refused.status_code in {401, 404, 413}
            assert (await sidecar.stranger.get("/healthz")).status_code == 200


async def test_a_key_that_is_no_base64_of_text_is_a_wrong_one(sidecar: Sidecar) -> None:
    for shown in ("Basic kl\u00fcssel", "Basic /w==", "Basic ="):
        headers = [(b"Authorization", shown.encode())]
        answer = await sidecar.stranger.post("/v1/track", json=track(), headers=headers)
        assert answer.status_code == 401
