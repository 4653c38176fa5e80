import gzip

from adapters.web.script import page_script
from tests.adapters.running import Sidecar

LARGEST = 5_000


async def test_the_script_is_smaller_than_five_kilobytes_on_its_way(sidecar: Sidecar) -> None:
    answer = await sidecar.stranger.get("/impel.js")
    assert answer.headers["Content-Encoding"] == "gzip"
    assert int(answer.headers["Content-Length"]) < LARGEST
    assert answer.content == page_script()


async def test_who_does_not_unpack_gets_it_as_it_is(sidecar: Sidecar) -> None:
    answer = await sidecar.stranger.get("/impel.js", headers={"Accept-Encoding": "identity"})
    assert "Content-Encoding" not in answer.headers
    assert answer.content == page_script()
    assert answer.headers["Vary"] == "Accept-Encoding"


async def test_it_asks_for_no_key_and_may_be_loaded_by_pages_of_any_origin(sidecar: Sidecar) -> None:
    answer = await sidecar.stranger.get("/impel.js")
    assert answer.headers["Content-Type"] == "text/javascript; charset=utf-8"
    assert answer.headers["Access-Control-Allow-Origin"] == "*"
    assert answer.headers["Cross-Origin-Resource-Policy"] == "cross-origin"


async def test_one_that_is_known_is_not_sent_again(sidecar: Sidecar) -> None:
    first = await sidecar.stranger.get("/impel.js")
    assert "max-age" in first.headers["Cache-Control"]
    again = await sidecar.stranger.get("/impel.js", headers={"If-None-Match": first.headers["ETag"]})
    assert (again.status_code, again.content, again.headers["ETag"]) == (304, b"", first.headers["ETag"])
    other = await sidecar.stranger.get("/impel.js", headers={"If-None-Match": 'W/"another"'})
    assert other.status_code == 200


def test_nothing_but_comments_and_space_is_taken_from_the_source() -> None:
    packed = page_script()
    assert b"\n//" not in packed
    assert [name in packed for name in (b"function enqueue(", b"window.impel", b"v1/batch")] == [True] * 3
    assert len(gzip.compress(packed)) < LARGEST
