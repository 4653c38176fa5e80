import pytest
import trio
from prometheus_client.parser import text_string_to_metric_families

from tests.adapters.running import Sidecar


async def test_a_user_is_shown_with_what_is_pending_and_what_has_fired(sidecar: Sidecar) -> None:
    post = sidecar.client.post
    await post("/v1/identify", json={"userId": "u", "traits": {"email": "e@shop.example"}})
    for product in ("hat", "sock", "shoe"):
        await post("/v1/track", json={"userId": "u", "event": "view", "properties": {"product": product}})
    await post("/v1/track", json={"userId": "u", "event": "cart"})
    shown = (await sidecar.user("u")).json()
    assert shown["traits"] == {"email": "e@shop.example"}
    assert shown["recent"][1]["properties"] == {"product": "shoe"}
    assert [each["trigger"] for each in shown["pending"]] == ["left"]
    await sidecar.service.outbox.rested()
    [fired] = (await sidecar.user("u")).json()["firings"]
    assert fired["trigger"] == "thrice"
    assert fired["messages"][0] | {"at": 0} == {
        "id": f"{fired['id']}:nudge",
        "message": "nudge",
        "state": "accepted",
        "reason": "",
        "gate": "",
        "attempts": 1,
        "at": 0,
    }


async def test_a_message_that_failed_says_why(sidecar: Sidecar) -> None:
    await sidecar.client.post("/v1/track", json={"userId": "u", "event": "cart"})
    await trio.sleep(0.3)  # the deadline of a real server
    await sidecar.service.outbox.rested()
    [fired] = (await sidecar.user("u")).json()["firings"]
    assert fired["messages"][0]["state"] == "failed"
    assert "email" in fired["messages"][0]["reason"]


async def test_a_list_kept_outside_is_kept_by_the_admin(sidecar: Sidecar) -> None:
    path, change = "/v1/segments/vip", {"userId": "u", "member": True}
    assert (await sidecar.client.post(path, json=change)).status_code == 401
    assert (await sidecar.stranger.post(path, json=change, headers=sidecar.admin)).json() == {"success": True}
    await sidecar.client.post("/v1/track", json={"userId": "u", "event": "vip_page"})
    shown = (await sidecar.user("u")).json()
    assert shown["segments"] == ["vip"]
    assert [each["trigger"] for each in shown["firings"]] == ["welcome"]


@pytest.mark.parametrize(
    ("name", "body", "status"),
    [("unknown", '{"userId": "u", "member": true}', 404), ("vip", '{"member": true}', 400), ("vip", "{}", 400)],
)
async def test_a_change_that_makes_no_sense_is_refused(sidecar: Sidecar, name: str, body: str, status: int) -> None:
    answer = await sidecar.stranger.post(f"/v1/segments/{name}", content=body, headers=sidecar.admin)
    assert answer.status_code == status


async def test_a_stranger_is_not_shown_and_nobody_is_without_the_token(sidecar: Sidecar) -> None:
    await sidecar.client.post("/v1/track", json={"userId": "u", "event": "view"})
    assert (await sidecar.user("stranger")).status_code == 404
    assert (await sidecar.client.get("/admin/user?id=u")).status_code == 401


async def test_metrics_count_what_happens_and_name_nobody(sidecar: Sidecar) -> None:
    for _ in range(3):
        event = {"userId": "somebody", "event": "view", "properties": {"product": "hat"}}
        await sidecar.client.post("/v1/track", json=event)
    await sidecar.client.post("/v1/track", json={})
    await sidecar.service.outbox.rested()
    page = (await sidecar.stranger.get("/metrics")).text
    values = {
        (sample.name, *sorted(label for name, label in sample.labels.items() if label and name != "version")): value
        for family in text_string_to_metric_families(page)
        for sample in family.samples
        for value in (sample.value,)
    }
    assert values["impel_events_total", "event", "http"] == 3
    assert values["impel_rejected_total", "http"] == 1
    assert values["impel_decisions_total", "fired", "thrice"] == 1
    assert values["impel_decisions_total", "accepted", "thrice"] == 1
    assert values["impel_turn_seconds_count",] == 3
    assert values["impel_users_awake",] == 1
    assert "somebody" not in page


@pytest.mark.parametrize("user_id", [".", "..", "a/../b", "a?b#c", " ", "%2e"])
async def test_a_person_is_shown_whatever_the_id(sidecar: Sidecar, user_id: str) -> None:
    await sidecar.client.post("/v1/track", json={"userId": user_id, "event": "view"})
    assert (await sidecar.user(user_id)).json()["user"] == user_id


async def test_nobody_has_the_empty_id(sidecar: Sidecar) -> None:
    answer = await sidecar.user("")
    assert (answer.status_code, answer.json()["error"]) == (404, "nobody is known by that id")


@pytest.mark.parametrize(("digits", "status"), [(4_300, 200), (4_301, 400)])
async def test_a_change_for_an_id_of_thousands_of_digits_is_answered(
    sidecar: Sidecar, digits: int, status: int
) -> None:
    body = b'{"member": true, "userId": %s}' % (b"9" * digits)
    answer = await sidecar.stranger.post("/v1/segments/vip", content=body, headers=sidecar.admin)
    assert answer.status_code == status
