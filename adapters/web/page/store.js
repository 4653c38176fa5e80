// What is kept in the visitor's browser: localStorage, which all tabs of the shop share, under names that begin with
// `impel.`. Where the browser keeps nothing, it is an object that lives as long as the page. There are no cookies.

const PREFIX = "impel.";

const storage = openStorage();

function openStorage() {
  try {
    return window.localStorage ?? {};
  } catch {
    return {}; // the visitor has shut it
  }
}

function recall(name) {
  return storage[PREFIX + name];
}

// Whether there was room for it.
function keep(name, text) {
  try {
    storage[PREFIX + name] = text;
    return true;
  } catch {
    return false;
  }
}

function forget(name) {
  delete storage[PREFIX + name];
}

// The names that begin so, in order.
function namesOf(beginning) {
  const found = Object.keys(storage).filter((name) => name.startsWith(PREFIX + beginning));
  return found.map((name) => name.slice(PREFIX.length)).sort();
}

function forgetEverything() {
  namesOf("").forEach(forget);
}

// 128 bits; `crypto.randomUUID` is there on secure pages only.
function randomId() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
