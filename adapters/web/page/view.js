// A view: a page from when it is first seen until it is left. A `page` is recorded when it begins; while it lasts,
// `page_scrolled` when it has been scrolled past a mark, and `page_viewed`, which says for how many seconds it has been
// visible by now: just past each mark, and whenever it is hidden or left.

const TIME_MARKS = [10, 30, 60, 120, 300, 600, 1200, 1800, 3600]; // seconds
const DEPTH_MARKS = [25, 50, 75, 100]; // percent
const WORTH_TELLING = 1000; // milliseconds more than were told before
const SETTLING = 100; // milliseconds in which a page that a script changes gets its title and its content
const ATTRIBUTE = "data-impel-";

let view = null;
let cameFrom = document.referrer;

function resumeView() {
  if (document.visibilityState !== "visible" || !granted()) return;
  if (!view) beginView();
  view.since ??= performance.now();
  awaitMark();
}

function beginView() {
  const url = withoutQuery(location.href);
  const shown = document.querySelector(`[${ATTRIBUTE}view]`);
  const facts = shown ? propertiesOf(shown) : {};
  view = { place: placeNow(), facts: { path: location.pathname, ...facts }, before: 0, told: 0, depth: 0 };
  const { title } = document;
  record({ type: "page", properties: { url, path: location.pathname, title, referrer: withoutQuery(cameFrom) } });
  cameFrom = url;
  if (shown) track(shown.getAttribute(`${ATTRIBUTE}view`), facts);
}

// Queries may hold secrets, and addresses of people.
function withoutQuery(url) {
  return url.split(/[?#]/)[0];
}

function placeNow() {
  return location.pathname + location.search;
}

function pauseView() {
  if (view?.since === undefined) return;
  if (visibleFor() - view.told >= WORTH_TELLING) tellTime();
  view.before = visibleFor();
  view.since = undefined;
  clearTimeout(view.timer);
}

function endView() {
  pauseView();
  view = null;
}

function dropView() {
  clearTimeout(view?.timer);
  view = null;
}

// Whole milliseconds, by a clock that nobody sets.
function visibleFor() {
  return Math.floor(view.before + (view.since === undefined ? 0 : performance.now() - view.since));
}

// Past a mark, not at it, so that `time_spent > 30s` is true at the mark of 30.
function awaitMark() {
  clearTimeout(view.timer);
  const mark = TIME_MARKS.find((seconds) => seconds * 1000 >= visibleFor());
  if (!mark) return;
  const reach = () => {
    if (visibleFor() > mark * 1000) tellTime();
    awaitMark();
  };
  view.timer = setTimeout(safely(reach), mark * 1000 + 1 - visibleFor());
}

function tellTime() {
  view.told = visibleFor();
  track("page_viewed", { ...view.facts, time_spent: view.told / 1000, scroll_depth: view.depth });
}

function scrolled() {
  if (!view) return;
  const seen = scrollY + innerHeight + 1; // positions are rounded, by up to a pixel
  const share = (seen / document.documentElement.scrollHeight) * 100;
  const depth = DEPTH_MARKS.filter((mark) => mark <= share).pop() ?? 0;
  if (depth <= view.depth) return;
  view.depth = depth;
  track("page_scrolled", { ...view.facts, scroll_depth: depth });
}

function navigated() {
  if (view?.place === placeNow()) return;
  endView();
  setTimeout(safely(resumeView), SETTLING);
}

function clicked({ target }) {
  const element = target.closest?.("[data-impel]");
  if (!element) return;
  track(element.getAttribute("data-impel"), { path: location.pathname, ...propertiesOf(element) });
}

// `data-impel-product-id="7"` is the property `product_id`.
function propertiesOf(element) {
  const attributes = Array.from(element.attributes).filter(({ name }) => name.startsWith(ATTRIBUTE));
  const named = attributes.map(({ name, value }) => [name.slice(ATTRIBUTE.length).replace(/-/g, "_"), value]);
  return Object.fromEntries(named.filter(([name]) => name !== "view").map(([name, text]) => [name, typed(name, text)]));
}

// What looks like a number or a truth is one; ids and article numbers stay text, as everybody else sends them.
function typed(name, text) {
  if (/(^|_)(id|sku)$/.test(name)) return text;
  if (text === "true" || text === "false") return text === "true";
  return /^-?(0|[1-9]\d{0,14})(\.\d{1,6})?$/.test(text) ? Number(text) : text;
}
