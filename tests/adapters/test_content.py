"""Message files, their templates and how they are rendered."""

from collections.abc import Mapping
from typing import Any

import pytest

from adapters.content import MessageErrors, Messages
from adapters.content.plaintext import plain_text
from engine.runtime.ports import Rejected

AT = 1_767_323_045_678


def event(name: str, /, **properties: Any) -> dict[str, Any]:
    return {"name": name, "ts": AT, "properties": properties}


def render(text: str, context: Mapping[str, Any], files: Mapping[str, str] | None = None) -> Mapping[str, Any]:
    messages = Messages.load({"messages/m.yaml": text, **(files or {})}, {"mail", "crm"})
    return messages.render("m", context)


def value(template: str, **context: Any) -> Any:
    return render(f"destination: crm\ndata:\n  x: '{template}'\n", context)["x"]


def errors(text: str, files: Mapping[str, str] | None = None) -> list[str]:
    with pytest.raises(MessageErrors) as caught:
        Messages.load({"messages/m.yaml": text, **(files or {})}, {"mail", "crm"})
    return [str(error) for error in caught.value.errors]


MAIL = """\
destination: mail
subject: "About {{ event.product }}"
html: |
  <p>Hello {{ profile.name | default: "there" }},</p>
  <p>{{ event.product }}</p>
"""
ANN = {"email": "ann@shop.example", "name": "Ann"}


def test_a_mail_is_rendered_for_the_person_it_goes_to() -> None:
    fields = render(MAIL, {"profile": ANN, "event": event("product_viewed", product="Shoes")})
    assert fields == {
        "to": "ann@shop.example",
        "subject": "About Shoes",
        "html": "<p>Hello Ann,</p>\n<p>Shoes</p>\n",
        "text": "Hello Ann,\n\nShoes\n",
    }


def test_a_message_knows_its_name_and_destination() -> None:
    messages = Messages.load({"messages/cart.yaml": MAIL, "templates/x.html": "{{"}, {"mail"})
    assert messages.names == {"cart"}
    assert messages.destination_of("cart") == "mail"


def test_html_is_escaped_and_other_text_is_not() -> None:
    fields = render(MAIL, {"profile": ANN, "event": event("view", product="<b>A & B</b>")})
    assert fields["subject"] == "About <b>A & B</b>"
    assert "&lt;b&gt;A &amp; B&lt;/b&gt;" in fields["html"]
    assert "<b>A & B</b>" in fields["text"]


@pytest.mark.parametrize("profile", [{}, {"email": None}, {"email": " "}])
def test_whoever_has_no_address_gets_no_mail(profile: dict[str, Any]) -> None:
    with pytest.raises(Rejected, match="no address"):
        render(MAIL, {"profile": profile, "event": event("view", product="Shoes")})


@pytest.mark.parametrize(
    "template",
    ["{{ profile.name }}", "Hi {{ profile.name }}", "{{ profile.name | upcase }}", "{{ event.price | times: 2 }}",
     "{{ 2 | times: event.price }}", "{{ recent.view[0].x }}", "{{ per }}", "{{ event.size }}"],
)  # fmt: skip
def test_to_use_what_is_missing_is_an_error(template: str) -> None:
    with pytest.raises(Rejected, match=r"^messages/m\.yaml:3: "):
        value(template, profile={"name": None}, event=event("view"))


@pytest.mark.parametrize(
    ("template", "rendered"),
    [
        ('{{ profile.name | default: "you" }}', "you"),
        ("{% if profile.name %}a{% else %}b{% endif %}", "b"),
        ("{% unless profile.name %}a{% endunless %}", "a"),
        ("{% if profile.points > 3 %}a{% else %}b{% endif %}", "b"),
        ('{% if profile.plan == "vip" %}a{% else %}b{% endif %}', "b"),
        ("{% for item in recent.viewed %}a{% else %}b{% endfor %}", "b"),
        ("{% if event %}a{% else %}b{% endif %}", "b"),
    ],
)
def test_what_is_missing_can_be_asked_about(template: str, rendered: str) -> None:
    assert value(template, profile={}) == rendered


def test_an_event_shows_its_properties_by_their_own_names() -> None:
    shoes = event("Product Viewed", name="Shoes", size=42)
    assert value("{{ event.name }}, {{ event.size }}, {{ event._name }}, {{ event._at }}", event=shoes) == (
        "Shoes, 42, Product Viewed, 2026-01-02T03:04:05.678Z"
    )
    assert value('{{ event._at | date: "%d %b %Y" }}', event=shoes) == "02 Jan 2026"


def test_recent_events_are_of_the_same_shape() -> None:
    recent = {"Product Viewed": [event("Product Viewed", name="Hat"), event("Product Viewed", name="Shoes")]}
    template = '{% for item in recent["Product Viewed"] %}{{ item.name }} {% endfor %}'
    assert value(template, recent=recent) == "Hat Shoes "
    assert value('{{ recent["Product Viewed"].first.name }}', recent=recent) == "Hat"
    assert value('{{ recent["Product Viewed"].size }}', recent=recent) == 2


def test_data_keeps_its_types() -> None:
    text = """\
destination: crm
data:
  price: "{{ event.price }}"
  items: "{{ event.items }}"
  note: "price {{ event.price }}"
  nested: {fixed: 1.5, list: [true, "{{ user }}"]}
"""
    assert render(text, {"user": "u1", "event": event("order", price=20, items=[{"sku": "a"}])}) == {
        "price": 20,
        "items": [{"sku": "a"}],
        "note": "price 20",
        "nested": {"fixed": 1.5, "list": [True, "u1"]},
    }


def test_templates_can_draw_in_others() -> None:
    files = {"templates/mail.html": "<p>{{ user }}</p>\n{% render 'templates/foot.html' %}",
             "templates/foot.html": "<hr>bye"}  # fmt: skip
    text = "destination: mail\nto: a@b.example\nsubject: Hi\nhtml_file: templates/mail.html\n"
    assert render(text, {"user": "u1"}, files)["html"] == "<p>u1</p>\n<hr>bye"


def test_a_failure_names_the_template_and_its_line() -> None:
    files = {"templates/mail.html": "<p>\n{{ profile.name }}</p>"}
    text = "destination: mail\nto: a@b.example\nsubject: Hi\nhtml_file: templates/mail.html\n"
    with pytest.raises(Rejected, match=r"templates/mail\.html:2: profile\.name is undefined"):
        render(text, {"profile": {}}, files)


def test_a_failure_tells_nothing_of_the_person() -> None:
    with pytest.raises(Rejected) as caught:
        value("{{ 1 | divided_by: profile.name }}", profile={"name": "Ann"})
    assert "Ann" not in str(caught.value)
    assert "divided_by: profile.name" in str(caught.value)


def test_a_template_cannot_run_away() -> None:
    with pytest.raises(Rejected, match="more than 20,000 steps"):
        value("{% for i in (1..1000) %}{% for j in (1..1000) %}x{% endfor %}{% endfor %}")


def test_all_that_is_wrong_is_reported_together_with_file_and_line() -> None:
    text = """\
destination: male
sujbect: x
subject: "{{ evnt.product }}"
html: |
  <p>fine</p>
  <p>{{ event.price | upcas }}</p>
text: "{% if %}"
"""
    found = errors(text)
    assert found[:4] == [
        "messages/m.yaml:1: there is no destination `male`; did you mean `mail`?",
        "messages/m.yaml:2: there is no key `sujbect`; did you mean `subject`?",
        "messages/m.yaml:3: there is no variable `evnt`; did you mean `event`?",
        "messages/m.yaml:6: there is no filter `upcas`; did you mean `upcase`?",
    ]
    assert found[4].startswith("messages/m.yaml:7: ")


def test_a_hint_is_blind_to_capitals() -> None:
    text = "destination: Mail\nSubject: x\nsubject: '{{ Event.product | UpCase }}'\nhtml_file: Templates/Footer.html\n"
    assert [each.partition(": ")[2] for each in errors(text, {"templates/footer.html": ""})] == [
        "there is no destination `Mail`; did you mean `mail`?",
        "there is no key `Subject`; did you mean `subject`?",
        "there is no filter `UpCase`; did you mean `upcase`?",
        "there is no file `Templates/Footer.html`; did you mean `templates/footer.html`?",
    ]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("subject: x\ntext: y\n", "1: the key `destination` is missing"),
        ("destination: mail\ntext: y\n", "1: a mail needs a `subject`"),
        ("destination: mail\nsubject: y\n", "1: a mail needs `html`"),
        ("destination: mail\nsubject: y\nhtml_file: templates/no.html\n", "3: there is no file `templates/no.html`"),
        ("destination: mail\nsubject: y\ntext: z\ntext_file: a\n", "4: `text` and `text_file` exclude each other"),
        ("destination: crm\ndata: {}\nsubject: y\n", "3: `subject` and `data` exclude each other"),
        ("destination: crm\ndata: [1]\n", "2: `data` is a mapping"),
        ("destination: crm\ndata:\n  a:\n    - x\n    - '{{ usr }}'\n", "5: there is no variable `usr`"),
        ("destination: mail\nsubject: 5\ntext: x\n", "2: `subject` is a text"),
        ("destination: mail\nsubject: x\nsubject: y\ntext: z\n", "3: found duplicate key"),
        ("destination: mail\nsubject: x\ntext: '{% render \"a.txt\" %}'\n", "3: there is no file `a.txt` to draw in"),
        ("destination: [\n", "2: "),
        ("- a\n", "1: a message is a mapping"),
        ("", "1: a message is a mapping"),
    ],
)  # fmt: skip
def test_a_faulty_message_is_refused(text: str, said: str) -> None:
    assert any(error.startswith(f"messages/m.yaml:{said}") for error in errors(text)), errors(text)


def test_a_fault_in_a_template_drawn_in_is_found_there() -> None:
    files = {"templates/mail.html": "{% render 'templates/foot.html' %}", "templates/foot.html": "x\n{{ usr }}"}
    text = "destination: mail\nsubject: Hi\nhtml_file: templates/mail.html\n"
    assert errors(text, files)[0].startswith("templates/foot.html:2: there is no variable `usr`")


def test_plain_text_reads_as_the_html_did() -> None:
    html = """<html><head><title>no</title><style>p {}</style></head><body><h1>Hi &amp; hello</h1>
    <p>Two   words<br>next</p><ul><li>one</li><li><a href="https://s.example">two</a></li></ul></body></html>"""
    assert plain_text(html) == "Hi & hello\n\nTwo words\nnext\n\n- one\n\n- two (https://s.example)\n"
