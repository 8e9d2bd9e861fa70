// The words of the page: what an operator reads for what the link says.
"use strict";
const words = {
  level: { ok: ["OK", "Requests are answered both ways."], degraded: ["Needs attention", "Requests are answered; somebody should look."],
    down: ["Down", "Requests of at least one direction are refused."] },
  wire: { up: ["✓", "up", "ok"], slow: ["!", "slow", "degraded"], down: ["✕", "down", "down"], unknown: ["?", "not tried yet", "unknown"] },
  presence: { present: ["✓", "there", "ok"], late: ["!", "late", "degraded"], offline: ["✕", "gone", "down"], stopped: ["■", "stopped", "unknown"] },
  says: { ok: ["✓", "ok", "ok"], degraded: ["!", "needs attention", "degraded"], down: ["✕", "down", "down"] },
  hop: { exchange: "Whole exchange", holder: "The system that holds the record", "own-copy": "The asker's own copy", translate: "Translation", audit: "Audit record on the disk" },
  entries: { coded: "with a code", degraded: "as words, without a code", withheld: "kept back", unsupported: "not supported", failed: "failed", duplicate: "duplicate" },
};

const number = (n) => new Intl.NumberFormat("en-GB").format(n);
const amount = (n) => new Intl.NumberFormat("en-GB", { maximumFractionDigits: n < 10 ? 1 : 0 }).format(n);

// span is a time of seconds, in the unit that fits.
const span = (seconds) => seconds < 0.001 ? amount(seconds * 1e6) + " µs" : seconds < 1 ? amount(seconds * 1000) + " ms" : amount(seconds) + " s";

// ago is how long something has been so.
const ago = (seconds) => {
  seconds = Math.max(0, Math.round(seconds));
  return seconds < 60 ? seconds + " s" : seconds < 3600 ? Math.floor(seconds / 60) + " min" : seconds < 86400 ? Math.floor(seconds / 3600) + " h" : Math.floor(seconds / 86400) + " days";
};

// some reports a time that is set.
const some = (at) => Boolean(at) && !at.startsWith("0001-");

const bytes = (n) => n >= 1 << 30 ? amount(n / (1 << 30)) + " GB" : amount(n / (1 << 20)) + " MB";
