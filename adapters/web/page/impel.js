// What the page is given, `window.impel`, and what it is watched for. Nothing of it throws into the page.

const script = document.currentScript ?? document.querySelector("script[data-key]");
const GRANTED = "granted";

// What the visitor chose goes before what the page says, and the browser's Global Privacy Control before both.
function granted() {
  return !isOptedOut() && (recall("consent") ?? script.dataset.consent) === GRANTED;
}

function isOptedOut() {
  return Boolean(navigator.globalPrivacyControl);
}

function consent(isGranted) {
  if (isOptedOut()) return;
  if (isGranted) anonymousId(); // first, so that the other tabs, which hear of the consent, know it too
  keep("consent", isGranted ? GRANTED : "denied");
  heedConsent();
}

// In every tab, when it was given or withdrawn in one: another may record something until it hears of it.
function heedConsent() {
  if (granted()) return resumeView();
  dropView();
  abandonAll();
  namesOf("").filter((name) => name !== "consent").forEach(forget);
}

function record(call) {
  if (!granted()) return;
  const timestamp = new Date().toISOString();
  enqueue({ ...call, anonymousId: anonymousId(), userId: recall("user"), messageId: randomId(), timestamp });
}

function anonymousId() {
  const id = recall("id") ?? randomId();
  keep("id", id);
  return id;
}

function track(event, properties = {}) {
  if (typeof event !== "string" || !event) throw new TypeError("an event needs a name");
  record({ type: "track", event, properties });
}

// Without an id, traits of whoever is there.
function identify(id, traits = {}) {
  if (!granted()) return;
  const user = String(id ?? "");
  if (user) {
    if ((recall("user") ?? user) !== user) forget("id"); // somebody else, who has not done what was done before
    keep("user", user);
  }
  record({ type: "identify", traits });
}

function reset() {
  forget("id");
  forget("user");
}

function page() {
  endView();
  resumeView();
}

function warn(fault) {
  console.warn("impel:", fault);
}

function safely(act) {
  return (...given) => {
    try {
      act(...given);
    } catch (fault) {
      warn(fault);
    }
  };
}

function hidden() {
  pauseView();
  flushNow();
}

function left() {
  endView();
  flushNow();
  isGone = true;
}

function returned() {
  isGone = false;
  resumeView();
  flush();
}

function listen() {
  const on = (target, name, act, options) => target.addEventListener(name, safely(act), options);
  on(document, "visibilitychange", () => (document.visibilityState === "visible" ? resumeView() : hidden()));
  on(window, "pagehide", left);
  on(window, "pageshow", returned);
  on(window, "popstate", navigated);
  on(window, "online", flush);
  on(window, "storage", ({ key }) => key === `${PREFIX}consent` && heedConsent()); // another tab was told
  on(window, "scroll", scrolled, { passive: true });
  on(document, "click", clicked, true);
  on(document, "DOMContentLoaded", resumeView);
  for (const name of ["pushState", "replaceState"]) watchHistory(name);
}

function watchHistory(name) {
  const original = history[name];
  history[name] = function (...given) {
    original.apply(this, given);
    safely(navigated)();
  };
}

function start() {
  if (isOptedOut()) forgetEverything();
  const add = (product) => track("Product Added", product);
  const cart = (whole) => track("cart_updated", whole);
  const offered = { track, identify, page, add, cart, consent, reset };
  window.impel = Object.fromEntries(Object.entries(offered).map(([name, act]) => [name, safely(act)]));
  listen();
  if (document.readyState === "complete") resumeView();
  flush(); // what an earlier page left
}

if (!script?.dataset.key) warn("the script needs `data-key`, the key by which it sends events");
else if (!window.impel?.track) safely(start)();
