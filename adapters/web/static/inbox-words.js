// How the inbox page puts things into words: states, instants, spans, values.
"use strict";

const WORDS = { accepted: "sent", due: "due", held: "held", sending: "sending", dropped: "dropped", failed: "failed", unconfirmed: "unclear" };

const asText = (value) => (typeof value === "string" ? value : JSON.stringify(value, null, 1));
const capital = (text) => text[0].toUpperCase() + text.slice(1);

function stamp(at) {
  const date = new Date(at);
  const near = Math.abs(at - Date.now()) < 43_200_000;
  return near ? date.toLocaleTimeString() : date.toLocaleString([], { dateStyle: "medium", timeStyle: "short" });
}

const local = (said) => said.replace(/\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d{3})?Z/g, (found) => stamp(Date.parse(found)));

function span(milliseconds) {
  const minutes = Math.round(milliseconds / 60_000);
  const parts = [[Math.floor(minutes / 1440), "d"], [Math.floor((minutes % 1440) / 60), "h"], [minutes % 60, "min"]];
  return parts.filter(([number]) => number).slice(0, 2).map(([number, unit]) => `${number} ${unit}`).join(" ") || "0 min";
}

function age(at, now) {
  const seconds = Math.max(Math.round((now - at) / 1000), 0);
  if (seconds < 5) return "now";
  return seconds < 60 ? `${seconds} s` : span(seconds * 1000).split(" ").slice(0, 2).join(" ");
}
