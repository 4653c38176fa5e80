// The inbox page: asks for the messages every second, and shows one as its reader gets it, with the reason for it.
// What comes from shoppers is only ever set as text; a mail's HTML is in a frame of its own, without scripts.
"use strict";

const PAUSE = 1000; // ms between two looks
const SENT = ["accepted"];
const WAITING = ["due", "held", "sending"];

const query = new URLSearchParams(location.search);
const state = {
  space: query.get("space") || "shop",
  user: query.get("user") || "",
  show: "all",
  open: "",
  told: "",
  messages: [],
  now: 0,
};

const find = (id) => document.getElementById(id);

function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value !== undefined && value !== false) element.setAttribute(name, value);
  }
  element.append(...children.filter((each) => each !== undefined && each !== null && each !== ""));
  return element;
}

// Asking -------------------------------------------------------------------------------------------------------------

function ask(path, options = {}) {
  const token = sessionStorage.getItem("impel.token");
  const headers = token ? { Authorization: `Bearer ${token}` } : {};
  return fetch(path, { ...options, headers, cache: "no-store", credentials: "omit" });
}

const about = (more = {}) => new URLSearchParams({ space: state.space, user: state.user, ...more });

async function look() {
  const asked = `${about()}`;
  const answer = await ask(`/inbox/messages?${asked}`);
  if (asked !== `${about()}`) return; // another space or user was chosen meanwhile
  if (answer.status === 401) return askForToken();
  if (answer.status === 404) {
    state.space = "shop";
    return;
  }
  if (!answer.ok) throw new Error(`the sidecar answers ${answer.status}`);
  const text = await answer.text();
  const said = JSON.parse(text);
  find("ask").hidden = true;
  find("panes").hidden = false;
  state.now = said.now;
  const told = JSON.stringify([said.messages, said.spaces, said.space]);
  if (told === state.told) return tickAges();
  state.told = told;
  if (!said.spaces.includes(state.space)) {
    state.space = said.spaces[0];
    return;
  }
  state.messages = said.messages;
  showSpaces(said.spaces);
  showList();
  showOpen();
}

function askForToken() {
  find("wrong").hidden = !sessionStorage.getItem("impel.token");
  sessionStorage.removeItem("impel.token");
  find("ask").hidden = false;
  find("panes").hidden = true;
}

async function watch() {
  for (;;) {
    if (!document.hidden && (find("ask").hidden || sessionStorage.getItem("impel.token"))) {
      try {
        await look();
        document.body.classList.remove("lost");
      } catch {
        document.body.classList.add("lost");
      }
    }
    await new Promise((resolve) => setTimeout(resolve, PAUSE));
  }
}

// The list -----------------------------------------------------------------------------------------------------------

function showSpaces(spaces) {
  const names = { shop: "Shop", sandbox: "Sandbox" };
  find("spaces").replaceChildren(
    ...spaces.map((name) => {
      const tab = make("button", { type: "button", "aria-current": name === state.space && "page" }, names[name]);
      tab.addEventListener("click", () => choose({ space: name }));
      return tab;
    }),
  );
  find("clock").hidden = state.space !== "sandbox" || !sessionStorage.getItem("impel.token");
  if (!find("clock").hidden) showClock();
}

async function showClock() {
  const answer = await ask("/sandbox/clock");
  if (!answer.ok) return;
  const { ahead, now } = await answer.json();
  find("ahead").textContent = ahead ? `${span(ahead)} ahead: ${stamp(now)}` : "The sandbox goes with the time.";
}

function choose(change) {
  Object.assign(state, change, { open: "", told: "" });
  const shown = new URLSearchParams();
  if (state.space !== "shop") shown.set("space", state.space);
  if (state.user) shown.set("user", state.user);
  history.replaceState(null, "", shown.size ? `?${shown}` : location.pathname);
  look().catch(() => document.body.classList.add("lost"));
}

function isShown(message) {
  if (state.show === "sent") return SENT.includes(message.state);
  if (state.show === "waiting") return WAITING.includes(message.state);
  return state.show === "all" || !(SENT.includes(message.state) || WAITING.includes(message.state));
}

const titleOf = (message) => (message.content && message.content.subject) || message.message.replaceAll("_", " ");

function showList() {
  const messages = state.messages.filter(isShown);
  find("none").hidden = messages.length > 0;
  find("none").textContent = state.messages.length ? "None of these." : "Nothing has been sent yet. This page looks again by itself.";
  find("messages").replaceChildren(...messages.map(entry));
}

function entry(message) {
  const sent = message.state === "accepted";
  const why = sent ? message.trigger : local(message.reason) || message.trigger;
  const button = make(
    "button",
    { type: "button", "aria-current": message.id === state.open && "true" },
    make("span", { class: "title" }, titleOf(message)),
    make("span", { class: `state ${message.state}` }, WORDS[message.state]),
    make("span", { class: "to" }, message.user),
    make("time", { "data-at": message.changed }, age(message.changed, state.now)),
    make("span", { class: "why" }, why),
  );
  button.addEventListener("click", () => {
    state.open = message.id;
    document.body.classList.add("reading");
    showList();
    showOpen(true);
  });
  return make("li", {}, button);
}

function tickAges() {
  for (const each of document.querySelectorAll("time[data-at]")) each.textContent = age(Number(each.dataset.at), state.now);
}

// One message --------------------------------------------------------------------------------------------------------

let shownNow = "";

function showOpen(focus = false) {
  const message = state.messages.find((each) => each.id === state.open);
  const pane = find("shown");
  const shown = JSON.stringify(message || "");
  if (shown === shownNow) return;
  shownNow = shown;
  if (!message) {
    document.body.classList.remove("reading");
    pane.replaceChildren(make("p", { class: "none" }, "Choose a message to read it as the shopper does, and to see why it was sent."));
    return;
  }
  const back = make("button", { type: "button", class: "back" }, "‹ All messages");
  back.addEventListener("click", () => {
    state.open = "";
    showList();
    showOpen();
  });
  pane.replaceChildren(back, head(message), reasons(message), body(message));
  if (focus) pane.focus({ preventScroll: false });
}

function head(message) {
  const { to } = message.content || {};
  return make(
    "header",
    {},
    make("h2", {}, titleOf(message)),
    make("p", { class: "meta" }, `${to ? `to ${to}` : `for ${message.user}`} · ${stamp(message.changed)} · by ${message.destination}`),
  );
}

function reasons(message) {
  const box = make("section", { class: "reasons", "aria-label": "Why" });
  const per = message.per === null ? "" : ` [${message.per}]`;
  box.append(make("p", {}, make("strong", {}, message.trigger + per), ` fired ${stamp(message.fired)} for ${message.user}.`), fate(message));
  const inner = make("div", { class: "proof" });
  const details = make("details", {}, make("summary", {}, "Why?"), inner);
  details.addEventListener("toggle", () => details.open && !inner.hasChildNodes() && prove(message, inner));
  box.append(details);
  return box;
}

function fate(message) {
  const until = message.state === "held" ? ` until ${stamp(message.due)}` : "";
  const because = message.reason ? `: ${local(message.reason)}` : "";
  return make("p", { class: `fate ${message.state}` }, `${capital(WORDS[message.state])}${until}${because}`);
}

async function prove(message, inner) {
  const answer = await ask(`/inbox/why/${encodeURIComponent(message.id)}?${about()}`);
  const told = await answer.json();
  if (!answer.ok) return inner.replaceChildren(make("p", {}, told.error));
  const watch = told.watches.find((each) => (each.firings || []).some((one) => one.id === told.firing)) || told.watches[0];
  if (!watch) return inner.replaceChildren(make("p", {}, "It is too long ago to say."));
  const firing = (watch.firings || []).find((one) => one.id === told.firing) || {};
  const mine = (firing.messages || []).find((one) => one.id === message.id) || {};
  inner.replaceChildren(
    make("p", {}, make("code", {}, told.when)),
    firing.said ? make("p", {}, local(firing.said)) : "",
    make("ul", { class: "parts" }, part(firing.when || watch.when), firing.condition || watch.condition ? part(firing.condition || watch.condition, "if ") : ""),
    mine.passed && mine.passed.length ? make("p", { class: "passed" }, `It passed: ${mine.passed.join(", ")}.`) : "",
    make("p", { class: "passed" }, make("code", {}, `impel why ${message.user} ${message.trigger}`), " tells it in the terminal."),
  );
}

function part(each, key = "") {
  const met = "occurred" in each ? each.occurred : each.holds;
  const below = (each.parts || []).map((one) => part(one));
  return make(
    "li",
    { class: met ? "met" : "unmet" },
    make("span", {}, key, make("code", {}, each.text)),
    each.said ? make("span", { class: "said" }, local(each.said)) : "",
    below.length ? make("ul", {}, ...below) : "",
  );
}

function body(message) {
  const content = message.content;
  if (!content) {
    const sent = message.state === "accepted";
    return make("p", { class: "none" }, sent ? "What it said is kept no longer." : "It has not been written: a message is filled in when it goes.");
  }
  if (content.frame) {
    return make("iframe", {
      src: content.frame,
      sandbox: "allow-popups allow-popups-to-escape-sandbox",
      title: `The mail: ${titleOf(message)}`,
      referrerpolicy: "no-referrer",
    });
  }
  if (content.text) return make("pre", {}, content.text);
  const rows = Object.entries(content.data).map(([name, value]) => make("tr", {}, make("th", { scope: "row" }, name), make("td", {}, asText(value))));
  return make("table", {}, make("tbody", {}, ...rows));
}

// What the reader does -----------------------------------------------------------------------------------------------

find("ask").addEventListener("submit", (event) => {
  event.preventDefault();
  sessionStorage.setItem("impel.token", find("token").value.trim());
  find("token").value = "";
  look().catch(() => document.body.classList.add("lost"));
});

find("user").value = state.user;
find("user").addEventListener("change", () => choose({ user: find("user").value.trim() }));

find("filters").addEventListener("click", (event) => {
  const chosen = event.target.closest("button");
  if (!chosen) return;
  state.show = chosen.dataset.show;
  for (const each of find("filters").children) each.setAttribute("aria-pressed", String(each === chosen));
  showList();
});

find("clock").addEventListener("click", async (event) => {
  const chosen = event.target.closest("button");
  if (!chosen) return;
  chosen.disabled = true;
  const forward = JSON.stringify({ forward: chosen.dataset.forward });
  await ask("/sandbox/clock", { method: "POST", body: forward }).finally(() => (chosen.disabled = false));
  await showClock();
  await look();
});

watch();
