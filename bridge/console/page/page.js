// The page: every message of the stream is the whole link, and is shown anew.
"use strict";
const $ = (id) => document.getElementById(id);

// el makes an element; all text is text and never markup.
const el = (tag, attributes = {}, ...children) => {
  const made = tag.startsWith("svg:") ? document.createElementNS("http://www.w3.org/2000/svg", tag.slice(4)) : document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    made.setAttribute(name, value);
  }
  made.append(...children.filter((child) => child !== null && child !== ""));
  return made;
};
const fill = (id, ...children) => $(id).replaceChildren(...children);
const mark = ([sign, word, kind]) => el("span", { class: "mark " + kind }, el("span", { "aria-hidden": "true" }, sign + " "), word);
const unknown = ["?", "unknown", "unknown"];

// when is a time as this browser's clock has it, with UTC at hand.
const when = (at, none = "never") => {
  if (!some(at)) {
    return none;
  }
  const date = new Date(at);
  const today = date.toDateString() === new Date().toDateString();
  return el("time", { datetime: at, title: date.toISOString().replace("T", " ").slice(0, 19) + " UTC" },
    today ? date.toLocaleTimeString("en-GB") : date.toLocaleString("en-GB", { dateStyle: "medium", timeStyle: "medium" }));
};
const row = (...cells) => el("tr", {}, ...cells.map((cell) => typeof cell === "object" && "n" in cell ? el("td", { class: "n" }, cell.n) : el("td", {}, cell)));
const rows = (id, all, columns, none) => fill(id, ...(all.length ? all : [el("tr", {}, el("td", { colspan: columns }, none))]));
const facts = (...pairs) => el("dl", { class: "facts" }, ...pairs.filter(Boolean).flatMap(([name, value]) => [el("dt", {}, name), el("dd", {}, value)]));
const most = (counts) => Object.entries(counts || {}).filter(([, n]) => n > 0).sort((a, b) => b[1] - a[1] || (a[0] < b[0] ? -1 : 1));

const showLevel = (link) => {
  const [word, meaning] = words.level[link.status] || ["Unknown", ""];
  const why = link.why || [];
  const says = word + meaning + why.map((reason) => reason.replace(/\d+ s$/, "")).join();
  document.title = word + ": Linkspan " + link.economy;
  if ($("level").dataset.says === says) { // not to be read out again for a number of seconds
    return;
  }
  $("level").dataset.says = says;
  $("level").className = "level is-" + (words.level[link.status] ? link.status : "unknown");
  $("word").textContent = word;
  $("meaning").textContent = meaning;
  fill("why", ...why.map((reason) => el("li", {}, reason)));
};

const box = (x, title, lines) => [el("svg:rect", { x, y: 55, width: 150, height: 80, rx: 10 }), el("svg:text", { x: x + 75, y: 90 }, title),
  el("svg:text", { x: x + 75, y: 116, class: "small" }, lines)];

const wirePicture = (from, to, state) => {
  const [sign, word, kind] = words.wire[state] || unknown;
  const middle = (from + to) / 2;
  const line = kind === "down"
    ? [el("svg:path", { class: "wire down", d: `M${from} 95H${middle - 14}M${middle + 14} 95H${to}` }), el("svg:path", { class: "wire down", d: `M${middle - 9} 86l18 18m0 -18l-18 18` })]
    : [el("svg:path", { class: "wire " + kind, d: `M${from} 95H${to}` })];
  return [...line, el("svg:text", { x: middle, y: 40, class: kind }, sign + " " + word.split(" ")[0])];
};

const showPicture = (link) => {
  const [a, b] = link.systems || [];
  if (!a || !b) {
    return;
  }
  const title = `${a.title}: ${(words.wire[a.wire] || unknown)[1]}. ${b.title}: ${(words.wire[b.wire] || unknown)[1]}.`;
  fill("picture", el("svg:title", { id: "picture-title" }, title),
    ...wirePicture(150, 225, a.wire), ...wirePicture(375, 450, b.wire),
    ...box(0, a.title, a.in_flight + " at it"), ...box(225, "Linkspan", link.exchanges.in_flight + " in flight"), ...box(450, b.title, b.in_flight + " at it"),
    ...(link.exchanges.directions || []).map((d) => el("svg:text", { x: 300, y: d.from === a.name ? 160 : 183, class: "small" },
      (d.from === a.name ? "→ " : "← ") + number(d.recent.released) + " records in 5 min")));
  fill("systems", ...link.systems.map((s) => {
    const refused = most(s.intake && s.intake.refused).map(([reason, n]) => `${reason} ${number(n)}`).join(", ");
    return el("li", { "data-system": s.name },
      el("h3", {}, s.title),
      el("p", {}, "Its interface is ", mark(words.wire[s.wire] || unknown), some(s.since) ? " since " : "", some(s.since) ? when(s.since) : "", s.reason ? ": " + s.reason : ""),
      el("p", { class: "note" }, "Last answer ", when(s.success), `. ${number(s.waiting)} wait for its limit.`,
        s.breaker && s.breaker !== "closed" ? ` Breaker ${s.breaker}: it is ${s.breaker === "open" ? "not asked for now" : "tried again"}.` : ""),
      el("p", { class: "note" }, s.listening ? "Its requests are taken here" : "Its requests come over NATS only", s.intake && s.intake.taken ? `: ${number(s.intake.taken)} so far` : "", refused ? `; refused at the door: ${refused}` : "", "."));
  }));
};

const showNow = (link) => {
  const x = link.exchanges;
  const total = (name) => (x.directions || []).reduce((sum, d) => sum + ((d.entries || {})[name] || 0), 0);
  const released = (x.directions || []).reduce((sum, d) => sum + d.released, 0);
  fill("now", ...[["Exchanges per minute", amount(x.per_minute)], ["In flight", number(x.in_flight)], ["Records given", number(released)],
    ["Entries with a code", number(total("coded"))], ["Entries as words", number(total("degraded"))]].map(([name, value]) => el("div", {}, el("dt", {}, name), el("dd", {}, value))));
  rows("hops", (x.hops || []).map((h) => row(words.hop[h.name] || h.name, { n: span(h.p50) }, { n: span(h.p95) }, { n: number(h.count) })), 4, "No exchange in the last five minutes.");
  rows("codes", (x.unmapped || []).map((u) => row(u.scheme, u.code || "(not to be shown)", u.kind, { n: number(u.count) })), 4, "None.");
  const title = Object.fromEntries((link.systems || []).map((s) => [s.name, s.title]));
  fill("directions", ...(x.directions || []).map((d) => el("div", { "data-from": d.from },
    el("h3", {}, `${title[d.from] || d.from} asks ${title[d.to] || d.to}`),
    facts(["Records given", `${number(d.released)} (${number(d.recent.released)} in 5 min)`],
      ...most(d.refused).map(([reason, n]) => ["Refused, " + reason, `${number(n)} (${number((d.recent.refused || {})[reason] || 0)} in 5 min)`]),
      ...most(d.entries).map(([outcome, n]) => ["Entries " + (words.entries[outcome] || outcome), number(n)]),
      most(d.degraded).length ? ["As words, in", most(d.degraded).map(([section, n]) => `${section} ${number(n)}`).join(", ")] : null,
      ["Last record", when(d.last)]))));
};

const own = (link, part) => (link.instances || []).filter((s) => s.report[part] && s.presence !== "stopped");
const heading = (list, s) => list.length > 1 ? el("h3", {}, s.report.instance) : null;

const showKept = (link) => {
  const sets = own(link, "tables");
  fill("tables", ...(sets.length ? sets.flatMap((s) => {
    const t = s.report.tables;
    return [heading(sets, s), facts(["Set", el("span", { class: "digest" }, t.map_set)], ["In use since", when(t.since)], t.by ? ["Activated by", t.by] : null, ["Rows judged as of", t.day || "unknown"],
      ["Signed off", t.count ? mark(t.signed === t.count ? ["✓", `all ${number(t.count)} tables`, "ok"] : ["!", `${number(t.signed)} of ${number(t.count)} tables`, "degraded"]) : "no sign-off is told of"],
      t.refused ? ["Refused", el("span", { class: "down" }, "a newer set, since ", when(t.refused))] : null)];
  }).filter(Boolean) : [el("p", {}, "No instance with the exchange role tells.")]));
  const logs = own(link, "audit");
  fill("audit", ...(logs.length ? logs.flatMap((s) => {
    const a = s.report.audit;
    return [heading(logs, s), facts(["State", a.trouble ? mark(["✕", "trouble", "down"]) : mark(["✓", "written", "ok"])], a.trouble ? ["Trouble", a.trouble] : null,
      ["Records", number(a.records)], a.tree_head ? ["Tree head", el("span", { class: "digest" }, a.tree_head)] : null, ["Last checkpoint", when(a.checkpoint)],
      ["Last proven", when(a.verified)], a.free_bytes ? ["Free on its disk", bytes(a.free_bytes)] : null)];
  }).filter(Boolean) : [el("p", {}, "No instance with the exchange role tells.")]));
  const certs = (link.instances || []).filter((s) => s.presence !== "stopped").flatMap((s) => (s.report.certificates || []).map((c) => ({ ...c, instance: s.report.instance })))
    .sort((a, b) => a.until < b.until ? -1 : 1);
  rows("certs", certs.map((c) => {
    const days = Math.floor((new Date(c.until) - new Date(link.at)) / 86400000);
    const state = days < 0 ? ["✕", "over", "down"] : days <= 30 ? ["!", `${number(days)} days left`, days <= 7 ? "down" : "degraded"] : ["✓", `${number(days)} days left`, "ok"];
    return row(c.use + ((link.instances || []).length > 1 ? " (" + c.instance + ")" : ""), c.what, el("span", {}, mark(state), " ", when(c.until)));
  }), 3, "None: nothing here is over TLS.");
};

const showInstances = (link) => {
  rows("instances", (link.instances || []).map((s) => {
    const r = s.report;
    const nats = !r.nats.connected ? ["✕", "not connected", "down"] : ["✓", r.nats.embedded ? "its own server" : "connected", "ok"];
    const extra = [r.paused && r.paused.length ? "paused: " + r.paused.join(", ") : "", r.draining ? "draining" : ""].filter(Boolean).join("; ");
    return row(r.instance, mark(words.presence[s.presence] || unknown), el("span", {}, mark(words.says[r.status] || unknown), extra ? " " + extra : ""), (r.roles || []).join(", "),
      mark(nats), when(s.heard), when(r.started), r.version);
  }), 8, "None.");
  fill("events", ...(link.events && link.events.length ? link.events.map((e) => el("li", {}, el("span", {}, when(e.at)), el("span", { class: "mark" }, e.kind),
    el("span", {}, e.words + (e.instance ? ` (${e.instance})` : "")))) : [el("li", {}, "None since this instance started.")]));
};

let heard = 0;
let broken = false;
const show = (link) => {
  heard = Date.now();
  broken = false;
  $("name").textContent = `${link.economy} · ${link.pair} · ${link.environment}`;
  showLevel(link);
  showPicture(link);
  showNow(link);
  showKept(link);
  showInstances(link);
  tell();
};

// tell says how old the figures are, and when there is no more of them.
let told = "";
const tell = () => {
  const age = (Date.now() - heard) / 1000;
  const stale = broken || heard > 0 && age > 8;
  const text = !heard ? (broken ? "No connection; trying again" : "Connecting")
    : stale ? `No news for ${ago(age)}; what is shown is that old. Trying again.` : "Live";
  $("stream").classList.toggle("stale", stale);
  document.body.dataset.stream = stale ? "broken" : heard ? "live" : "connecting";
  if (text !== told) {
    told = text;
    $("stream").setAttribute("aria-live", stale && age > 12 ? "off" : "polite"); // said once, not every second
    $("stream").textContent = text;
  }
};
setInterval(tell, 1000);

// connect opens the stream. A browser comes again by itself unless the answer was
// an error; then this does, and asks for the sign-in where that is over.
const connect = () => {
  const source = new EventSource("/events");
  source.onmessage = (message) => show(JSON.parse(message.data));
  source.onerror = () => {
    broken = true;
    tell();
    if (source.readyState === EventSource.CLOSED) {
      setTimeout(again, 3000);
    }
  };
};
const again = async () => {
  const answer = await fetch("/healthz").catch(() => null);
  if (answer && answer.status === 401) {
    location.reload();
    return;
  }
  connect();
};
connect();
