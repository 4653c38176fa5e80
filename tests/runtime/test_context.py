from engine.core.decisions import Firing
from engine.core.events import Track
from engine.core.user import User
from engine.runtime.context import RECENT, context
from tests.runtime.rig import compiled


def test_the_latest_of_each_name_are_told_however_much_else_happened() -> None:
    user = User("k:u", compiled("triggers: {left: {when: cart then no order within 1h}}"))
    names = ["seen", "cart", *["seen"] * 300, "order"]
    for seq, name in enumerate(names):
        user.observe(Track(seq, name, seq, b'{"n":%d}' % seq), seq)
    told = context(user, Firing("f", "left", "u", 400, event=1))
    recent = told["recent"]
    assert [event["properties"]["n"] for event in recent["cart"]] == [1]
    assert [event["properties"]["n"] for event in recent["seen"]] == [301 - age for age in range(RECENT)]
    assert told["event"]["properties"] == {"n": 1}
