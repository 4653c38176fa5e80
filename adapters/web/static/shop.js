// The demo shop: cart and shopper are kept by the browser, and what happens is told through `/impel.js`, if it is there.
"use strict";

const CATALOG = JSON.parse(document.getElementById("catalog").textContent);
const LONG_LOOK = 31; // seconds: the shop's trigger asks for more than half a minute
const FAREWELL = 1000; // ms in which the last that is said is sent, before the script forgets all
const HERE = location.pathname;

const find = (id) => document.getElementById(id);
const euros = (amount) => `€ ${amount.toFixed(2)}`;

function tell(what, ...said) {
  if (window.impel && typeof window.impel[what] === "function") window.impel[what](...said);
}

// What the browser keeps ---------------------------------------------------------------------------------------------

function kept(name, otherwise) {
  try {
    return JSON.parse(localStorage.getItem(`larch.${name}`)) || otherwise;
  } catch {
    return otherwise;
  }
}

const keep = (name, what) => localStorage.setItem(`larch.${name}`, JSON.stringify(what));
const anId = (of) => `${of}-${crypto.getRandomValues(new Uint32Array(1))[0].toString(36)}`;
const freshCart = () => ({ cart_id: anId("cart"), items: {} });
const freshShopper = () => ({ id: anId("sam"), first_name: "Sam", email: "sam@shop.example", consent: null });

let cart = kept("cart", freshCart());
let shopper = kept("shopper", freshShopper());

const lines = () => Object.entries(cart.items).map(([id, quantity]) => ({ ...productOf(id), quantity }));
const total = () => lines().reduce((sum, line) => sum + line.price * line.quantity, 0);

function productOf(id) {
  const { product_id, product, price } = CATALOG[id];
  return { product_id, product, price };
}

// What the shop's engine hears ---------------------------------------------------------------------------------------

function tellCart() {
  tell("track", "cart_updated", { cart_id: cart.cart_id, items: lines(), total: total() });
}

function tellShopper() {
  const { id, first_name, email, consent } = shopper;
  const timezone = document.body.dataset.timezone;
  tell("identify", id, { first_name, email, timezone, consent: { marketing: consent === true } });
}

function agree(consent) {
  const before = shopper.consent;
  shopper.consent = consent;
  keep("shopper", shopper);
  if (consent) {
    tell("consent", true);
    tellShopper();
    if (!before && lines().length) tellCart();
  } else if (before) {
    tellShopper(); // so that the shop writes no more
    setTimeout(hearNothing, FAREWELL);
  } else {
    hearNothing();
  }
  showInbox();
}

function hearNothing() {
  if (shopper.consent) return;
  tell("consent", false);
  if (find("saved")) find("saved").textContent = "The shop hears nothing of you, and does not write.";
}

function change(id, by) {
  const quantity = (cart.items[id] || 0) + by;
  if (quantity > 0) cart.items[id] = quantity;
  else delete cart.items[id];
  keep("cart", cart);
  tellCart();
  showCount();
}

// Every page ---------------------------------------------------------------------------------------------------------

function showCount() {
  const number = lines().reduce((sum, line) => sum + line.quantity, 0);
  find("cart-count").textContent = number;
  find("cart-count").hidden = !number;
}

function showInbox() {
  const address = `/inbox?user=${encodeURIComponent(shopper.id)}`;
  for (const link of document.querySelectorAll(".to-inbox")) link.href = shopper.consent ? address : "/inbox";
  const beside = document.querySelector(".beside");
  beside.hidden = !shopper.consent;
  const frame = beside.firstElementChild;
  const wide = matchMedia("(min-width: 75rem)").matches;
  if (shopper.consent && wide && frame.getAttribute("src") !== address) frame.src = address;
}

function toast(text) {
  find("toast").textContent = text;
  find("toast").hidden = false;
  clearTimeout(toast.timer);
  toast.timer = setTimeout(() => (find("toast").hidden = true), 9000);
}

find("banner").hidden = shopper.consent !== null;
find("banner").addEventListener("click", (event) => {
  const chosen = event.target.dataset.consent;
  if (!chosen) return;
  find("banner").hidden = true;
  agree(chosen === "yes");
});
addEventListener("resize", showInbox);

// A product ----------------------------------------------------------------------------------------------------------

const shown = document.querySelector("[data-product]");
if (shown) {
  const id = shown.dataset.product;
  let seconds = 0;
  let told = false;
  const tellView = () => {
    if (told) return;
    told = true;
    tell("track", "product_viewed", { ...productOf(id), time_spent: seconds });
  };
  setInterval(() => {
    if (!document.hidden) seconds += 1;
    if (seconds >= LONG_LOOK) tellView();
  }, 1000);
  addEventListener("pagehide", tellView, { capture: true }); // before the script sends what it has
  find("add").addEventListener("click", () => {
    change(id, 1);
    toast(shopper.consent ? "It is in the cart. Leave it there for ten seconds, and look into the inbox." : "It is in the cart. The shop may not write to you about it.");
  });
}

// The cart -----------------------------------------------------------------------------------------------------------

function row(line) {
  const made = document.createElement("tr");
  const [name, price, buttons] = [0, 1, 2].map(() => made.insertCell());
  name.textContent = line.quantity > 1 ? `${line.product} × ${line.quantity}` : line.product;
  price.textContent = euros(line.price * line.quantity);
  price.className = "price";
  for (const [text, by, label] of [["−", -1, "one less"], ["+", 1, "one more"]]) {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = text;
    button.className = "small";
    button.setAttribute("aria-label", `${line.product}: ${label}`);
    button.addEventListener("click", () => {
      change(line.product_id, by);
      showCart();
    });
    buttons.append(button);
  }
  return made;
}

function showCart() {
  const some = lines().length > 0;
  find("empty").hidden = some;
  find("full").hidden = !some;
  find("lines").replaceChildren(...lines().map(row));
  find("total").textContent = euros(total());
}

if (HERE.endsWith("/cart")) showCart();

// The till -----------------------------------------------------------------------------------------------------------

function fill(form) {
  form.elements.first_name.value = shopper.first_name;
  form.elements.email.value = shopper.email;
}

function take(form) {
  shopper.first_name = form.elements.first_name.value.trim();
  shopper.email = form.elements.email.value.trim();
  keep("shopper", shopper);
}

if (HERE.endsWith("/checkout")) {
  const till = find("till");
  const some = lines().length > 0;
  find("empty").hidden = some;
  till.hidden = !some;
  find("total").textContent = euros(total());
  fill(till);
  if (some) tell("track", "checkout_started", { cart_id: cart.cart_id, total: total() });
  till.addEventListener("submit", (event) => {
    event.preventDefault();
    take(till);
    if (shopper.consent) tellShopper();
    tell("track", "order_completed", { cart_id: cart.cart_id, order_id: anId("order"), total: total(), items: lines() });
    cart = freshCart();
    keep("cart", cart);
    till.hidden = true;
    find("thanks").hidden = false;
    showCount();
  });
}

// The shopper --------------------------------------------------------------------------------------------------------

if (HERE.endsWith("/account")) {
  const account = find("account");
  fill(account);
  account.elements.consent.checked = shopper.consent === true;
  find("who").textContent = shopper.id;
  account.addEventListener("submit", (event) => {
    event.preventDefault();
    take(account);
    find("banner").hidden = true;
    find("saved").textContent = account.elements.consent.checked ? "Saved." : "";
    agree(account.elements.consent.checked);
  });
  find("forget").addEventListener("click", () => {
    tell("reset");
    tell("consent", false);
    localStorage.removeItem("larch.cart");
    localStorage.removeItem("larch.shopper");
    location.assign("/shop/");
  });
}

if (shopper.consent === false) hearNothing();
keep("cart", cart);
keep("shopper", shopper);
showCount();
showInbox();
