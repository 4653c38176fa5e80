"""All services that messages go to, those that tell who gets none, and the secrets by which they know us."""

from tests.adapters.services import activecampaign, hubspot, klaviyo, mailchimp, mandrill, salesforce, sendgrid

_ALL = (activecampaign, hubspot, klaviyo, mailchimp, mandrill, salesforce, sendgrid)
KEYS = {name: value for each in _ALL for name, value in each.KEYS.items()}
VENDORS = (
    activecampaign.EVENTS,
    activecampaign.ENROLMENTS,
    hubspot.EVENTS,
    hubspot.SENDS,
    klaviyo.EVENTS,
    mailchimp.EVENTS,
    mailchimp.JOURNEYS,
    mandrill.MAILS,
    salesforce.JOURNEYS,
    salesforce.EMAILS,
    sendgrid.MAILS,
)
STANDINGS = (activecampaign.STANDING, klaviyo.STANDING, mandrill.STANDING, sendgrid.STANDING)
