// The queue. Each event has a name of its own in the store, `queue.MILLISECONDS.NUMBER.ID`, so that tabs which add and take
// away at one time lose nothing, and names in order are events in order. An event stays until the sidecar has answered for it; what was sent again, because a page
// ended before its answer came, is recognised there by its `messageId`. `wait` is the instant before which no tab sends.

const MOST_EVENTS = 500;
const MOST_BYTES = 30_000; // of an event and of a batch, two of which may outlive a page: browsers allow 64 KiB in all
const MOST_AGE = 23 * 3_600_000; // milliseconds; the sidecar recognises what it has seen for 24 hours
const ORPHANED = 10_000; // milliseconds after which an event of another page is taken for one whose page has ended
const LINGER = 200; // milliseconds in which events gather
const PATIENCE = 30_000; // milliseconds in which a request is answered
const LONGEST_PAUSE = 60_000; // milliseconds of our own accord
const LONGEST_ASKED = 3_600_000; // milliseconds that the sidecar may ask for
const NOT_NOW = [408, 425, 429];

const mine = new Set(); // names of the events that this page recorded
const flying = new Map(); // by the names of the events that are on their way from here, what ends their request
let timer;
let isGone = false; // the page has been left, and may be gone back to
let due = Infinity; // by the page's clock, when it flushes
let recorded = 0; // by this page
let failures = 0;

function enqueue(event) {
  const text = JSON.stringify(event);
  if (bytesOf(text) > MOST_BYTES) throw new RangeError(`an event of more than ${MOST_BYTES} bytes is not sent`);
  const number = String(recorded++).padStart(6, "0"); // many may happen in a millisecond
  const name = `queue.${Date.now()}.${number}.${event.messageId}`;
  forgetOldest(namesOf("queue.").length + 1 - MOST_EVENTS);
  if (!keep(name, text)) {
    forgetOldest(MOST_EVENTS / 4); // the browser's room is used up
    keep(name, text);
  }
  mine.add(name);
  flushSoon(LINGER);
}

function forgetOldest(number) {
  namesOf("queue.").slice(0, Math.max(number, 0)).forEach(forget);
}

function bytesOf(text) {
  return new TextEncoder().encode(text).length;
}

function flushSoon(delay) {
  if (performance.now() + delay >= due) return;
  stopTimer();
  due = performance.now() + delay;
  timer = setTimeout(flush, delay);
}

function stopTimer() {
  clearTimeout(timer);
  due = Infinity;
}

// Send what this page recorded and what ended ones left, in one tab at a time where the browser has locks, which is on
// secure pages.
async function flush() {
  stopTimer();
  const isOurs = (name) => isMine(name) || ageOf(name) > ORPHANED;
  const sendAll = async () => {
    for (let batch = nextBatch(isOurs); batch.length; batch = nextBatch(isOurs)) await deliver(batch);
  };
  await (navigator.locks?.request(`${PREFIX}flush`, sendAll) ?? sendAll()).catch(warn);
  if (isOpen() && namesOf("queue.").length) flushSoon(pause() || ORPHANED);
}

// The page may be about to go: what it recorded is sent at once, by a request that outlives it.
function flushNow() {
  const batch = nextBatch(isMine);
  if (batch.length) deliver(batch);
}

function isMine(name) {
  return mine.has(name);
}

// Milliseconds.
function ageOf(name) {
  return Date.now() - name.split(".")[1];
}

function isOpen() {
  return granted() && navigator.onLine && !isGone;
}

// Milliseconds until something may be sent.
function pause() {
  const left = (Number(recall("wait")) || 0) - Date.now();
  return Math.max(0, Math.min(left, LONGEST_ASKED + LONGEST_PAUSE)); // somebody may have set the clock back
}

// The oldest events that are not on their way, as many as one request may carry. What is too old is forgotten.
function nextBatch(isWanted) {
  if (!isOpen() || pause()) return [];
  namesOf("queue.").filter((name) => ageOf(name) > MOST_AGE).forEach(forget);
  const waiting = namesOf("queue.").filter((name) => isWanted(name) && !flying.has(name));
  let bytes = 0;
  return waiting.filter((name) => (bytes += bytesOf(recall(name))) <= MOST_BYTES);
}

async function deliver(names) {
  const request = new AbortController();
  const patience = setTimeout(() => request.abort(), PATIENCE);
  const head = JSON.stringify({ writeKey: script.dataset.key, sentAt: new Date().toISOString() });
  const batch = names.map(recall).filter(Boolean); // another tab may have sent one by now
  const body = `${head.slice(0, -1)},"batch":[${batch}]}`;
  names.forEach((name) => flying.set(name, request));
  try {
    // A text without headers goes to another origin at once; anything else would have to be asked for first.
    const sent = { method: "POST", body, keepalive: true, credentials: "omit", signal: request.signal };
    await settle(await fetch(new URL("v1/batch", script.src), sent), names);
  } catch {
    if (isOpen()) backOff(0); // requests of a page that is left fail for it, and mostly arrive
  } finally {
    clearTimeout(patience);
    names.forEach((name) => flying.delete(name));
  }
}

async function settle(answer, names) {
  if (answer.status >= 500 || NOT_NOW.includes(answer.status)) {
    return backOff(Number(answer.headers.get("Retry-After")) || 0);
  }
  failures = 0;
  forget("wait");
  names.forEach((name) => {
    forget(name);
    mine.delete(name);
  });
  if (!answer.ok) return warn(`events were refused: ${await answer.text()}`);
  const { rejected } = await answer.json();
  if (rejected) warn(`events were refused: ${JSON.stringify(rejected)}`);
}

// Wait for so many seconds as were asked for, and for a random while that grows with each failure.
function backOff(asked) {
  failures += 1;
  const longest = Math.min(1000 * 2 ** failures, LONGEST_PAUSE);
  const least = Math.min(asked * 1000, LONGEST_ASKED);
  keep("wait", Date.now() + least + LINGER + Math.ceil(longest * Math.random()));
}

function abandonAll() {
  flying.forEach((request) => request.abort());
  stopTimer();
  mine.clear();
}
