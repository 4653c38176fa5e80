from adapters.destinations.mandrill import MandrillSettings
from adapters.secrets import Secret
from tests.adapters.services.vendor import Mutant, Vendor, edited
from tests.simulators.mandrill import Mandrill

KEYS = {"MANDRILL_KEY": "md-1"}

MAILS = Vendor(
    name="mandrill",
    simulator=Mandrill,
    settings=lambda url: MandrillSettings(key=Secret(env="MANDRILL_KEY"), url=url),
    data={"template": "cart-reminder", "to": "ann@shop.example", "variables": {"name": "Ann"}, "tags": ["cart"]},
    deduplicates=False,
    described=("mailchimp_transactional.json", "/messages/send-template"),
    wrong={"templat": "cart-reminder", "to": "ann@shop.example"},
    refused={"template": "cart-reminder", "to": "bounced@shop.example"},
    mutants=(
        Mutant("no key", edited(lambda body: body.pop("key")), "the key stands in the body"),
        Mutant("no content", edited(lambda body: body.pop("template_content")), "template_content is there, if empty"),
        Mutant("no template", edited(lambda body: body.pop("template_name")), "there is such a template"),
        Mutant("a bare address", edited(lambda body: body["message"].update(to=["ann@shop.example"])), "to is objects"),
        Mutant(
            "variables as a mapping",
            edited(lambda body: body["message"].update(global_merge_vars=[{"name": "Ann"}])),
            "a merge variable has name and content",
        ),
        Mutant(
            "a misspelt field",
            edited(lambda body: body["message"].update(metdata={})),
            "a message has no other fields",
        ),
    ),
)
