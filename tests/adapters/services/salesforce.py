from adapters.destinations.salesforce import SalesforceEmailSettings, SalesforceJourneySettings
from adapters.secrets import Secret
from tests.adapters.services.vendor import Mutant, Vendor, edited, with_header, without
from tests.simulators.base import Parts
from tests.simulators.salesforce import Salesforce

KEYS = {"SF_ID": "id-1", "SF_SECRET": "secret-1"}

_ID, _SECRET = Secret(env="SF_ID"), Secret(env="SF_SECRET")


def journeys(url: str) -> SalesforceJourneySettings:
    return SalesforceJourneySettings(tenant="mc1", client_id=_ID, client_secret=_SECRET, url=url)


def emails(url: str) -> SalesforceEmailSettings:
    return SalesforceEmailSettings(tenant="mc1", client_id=_ID, client_secret=_SECRET, url=url)


def _long_key(parts: Parts) -> None:
    if "/messages/" in parts.url:
        parts.url += "x" * 100


def _one_key(parts: Parts) -> None:
    if "/messages/" in parts.url:
        parts.url = parts.url.rpartition("/")[0] + "/always"


JOURNEYS = Vendor(
    name="salesforce journeys",
    simulator=Salesforce,
    settings=journeys,
    data={"contact": "ann", "event": "APIEvent-1", "data": {"cart": "c1"}},
    deduplicates=False,
    described=("sfmc_journey_ballerina.json", "/interaction/v1/events"),
    wrong={"contact": "ann", "event": "APIEvent.1"},
    before=1,
    renews=True,
    mutants=(
        Mutant("no token", without("authorization"), "a token that is good is shown as bearer"),
        Mutant("no charset", with_header("content-type", "application/json"), "the body is JSON, and says UTF-8"),
        Mutant(
            "a period",
            edited(lambda body: body.update(EventDefinitionKey="a.b")),
            "an event definition's key has no period",
        ),
        Mutant("nobody's", edited(lambda body: body.pop("ContactKey", None)), "an entry says whose it is"),
        Mutant(
            "another field",
            edited(lambda body: body.update(Data={"colour": "red"})),
            "data has the fields of the data extension",
        ),
        Mutant("other credentials", edited(lambda body: body.update(client_id="x")), "the package's credentials"),
    ),
)
EMAILS = Vendor(
    name="salesforce emails",
    simulator=Salesforce,
    settings=emails,
    data={"definition": "reminder", "contact": "ann", "to": "ann@shop.example", "attributes": {"cart": "c1"}},
    deduplicates=True,
    described=("sfmc_official_2021.json", "/messaging/v1/email/messages/{messageKey}"),
    wrong={"definition": "reminder", "contact": "ann"},
    before=1,
    renews=True,
    mutants=(
        Mutant("too long a key", _long_key, "a message key has at most 100 characters"),
        Mutant("a reused key", _one_key),
        Mutant("nobody", edited(lambda body: body.pop("recipient", None)), "recipient says who"),
        Mutant(
            "no definition", edited(lambda body: body.pop("definitionKey", None)), "there is such a send definition"
        ),
    ),
)
