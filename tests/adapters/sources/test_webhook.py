import msgspec
import pytest

from adapters.sources.mapping import Mapped
from tests.adapters.running import Sidecar

BODY = {"user_id": "12345", "product_id": "98765", "event": "add_to_cart", "id": "w1"}


async def test_plain_json_becomes_an_event_by_the_mapping(sidecar: Sidecar) -> None:
    answer = await sidecar.client.post("/webhook/shop", json=BODY)
    assert (answer.status_code, answer.json()) == (200, {"success": True})
    [event] = (await sidecar.user("12345")).json()["recent"]
    assert (event["event"], event["properties"]) == ("cart", {"product_id": "98765"})


@pytest.mark.parametrize("place", ["header", "query"])
async def test_the_key_may_stand_where_a_sender_can_put_it(sidecar: Sidecar, place: str) -> None:
    key = sidecar.keys.write_key
    headers, query = ({"X-Impel-Key": key}, {}) if place == "header" else ({}, {"key": key})
    answer = await sidecar.stranger.post("/webhook/shop", json=BODY, headers=headers, params=query)
    assert answer.status_code == 200


async def test_a_webhook_sent_twice_counts_once(sidecar: Sidecar) -> None:
    for _ in range(2):
        await sidecar.client.post("/webhook/shop", json=BODY)
    assert await sidecar.events("12345") == ["cart"]


async def test_a_list_of_bodies_is_taken_one_by_one(sidecar: Sidecar) -> None:
    answer = await sidecar.client.post("/webhook/shop", json=[BODY, {"event": "view"}])
    assert answer.status_code == 200
    assert [each["index"] for each in answer.json()["rejected"]] == [1]


async def test_what_is_no_object_in_a_list_is_named_and_its_neighbours_are_taken(sidecar: Sidecar) -> None:
    answer = await sidecar.client.post("/webhook/shop", json=[5, BODY, [BODY], BODY | {"id": "w2"}])
    assert answer.status_code == 200
    assert [each["index"] for each in answer.json()["rejected"]] == [0, 2]
    assert await sidecar.events("12345") == ["cart", "cart"]


@pytest.mark.parametrize(("path", "status"), [("/webhook/shop", 400), ("/webhook/unknown", 404)])
async def test_what_cannot_be_mapped_is_refused(sidecar: Sidecar, path: str, status: int) -> None:
    assert (await sidecar.client.post(path, json={"event": "view"})).status_code == status


async def test_a_webhook_without_the_key_is_refused(sidecar: Sidecar) -> None:
    assert (await sidecar.stranger.post("/webhook/shop", json=BODY)).status_code == 401


def test_paths_reach_inside_and_properties_can_be_chosen() -> None:
    mapped = msgspec.convert(
        {"user": "customer.id", "name": "Order Completed", "timestamp": "at", "properties": ["total", "cart.token"]},
        Mapped,
    )
    call = mapped.call({"customer": {"id": 7}, "at": 5, "total": 9, "cart": {"token": "t"}, "noise": 1})
    assert (call["userId"], call["event"], call["timestamp"]) == (7, "Order Completed", 5)
    assert call["properties"] == {"total": 9, "cart.token": "t"}


@pytest.mark.parametrize("fields", [{"event": "e"}, {"user": "u"}, {"user": "u", "event": "e", "name": "n"}])
def test_a_mapping_that_cannot_work_is_an_error(fields: dict[str, str]) -> None:
    with pytest.raises(msgspec.ValidationError, match="a webhook needs"):
        msgspec.convert(fields, Mapped)
