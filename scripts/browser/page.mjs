// node page.mjs LINKSPAN WORK
// Opens the operations page of a running demonstration in Chromium as an operator
// meets it: by keyboard, in the light and in the dark, on a desk and on a phone,
// while a system's interface breaks and when the daemon is gone.
import { spawn } from "node:child_process";
import { mkdtempSync, writeFileSync } from "node:fs";
import { createServer, request } from "node:http";
import { join } from "node:path";
import { chromium } from "playwright-core";

const [linkspan, work] = process.argv.slice(2);
const pictures = process.env.LINKSPAN_PICTURES;
const browserArgs = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"];

let passed = 0;
let failed = 0;
const check = async (name, body) => {
  try {
    await body();
    passed++;
    console.log("ok    " + name);
  } catch (error) {
    failed++;
    console.log("FAIL  " + name + "\n      " + String(error.stack || error).split("\n").slice(0, 6).join("\n      "));
  }
};
const holds = (condition, what) => {
  if (!condition) {
    throw new Error(what);
  }
};

const demo = spawn(linkspan, ["demo", "--keep", "--dir", join(work, "demo")], { stdio: ["ignore", "pipe", "inherit"] });
process.on("exit", () => demo.kill("SIGTERM"));
let said = "";
const url = await new Promise((resolve, reject) => {
  demo.stdout.on("data", (text) => {
    said += text;
    const found = /operations page is (http:\/\/[^\s,]+)/.exec(said);
    if (found) {
      resolve(found[1]);
    }
  });
  demo.on("exit", () => reject(new Error("the demonstration ended:\n" + said)));
});

// between stands between the browser and the page, to break what the page shows:
// with edit, a wire; cut, the stream.
let edit = (link) => link;
const open = new Set();
const between = createServer((incoming, outgoing) => {
  const { origin, ...headers } = incoming.headers;
  const asked = request(url + incoming.url, { headers: { ...headers, host: new URL(url).host } }, (answer) => {
    outgoing.writeHead(answer.statusCode, answer.headers);
    if (incoming.url !== "/events") {
      answer.pipe(outgoing);
      return;
    }
    let rest = "";
    answer.on("data", (text) => {
      rest += text;
      const messages = rest.split("\n\n");
      rest = messages.pop();
      for (const message of messages) {
        outgoing.write(message.startsWith("data: ") ? "data: " + JSON.stringify(edit(JSON.parse(message.slice(6)))) + "\n\n" : message + "\n\n");
      }
    });
    answer.on("close", () => outgoing.end());
  });
  asked.on("error", () => outgoing.destroy());
  outgoing.on("close", () => asked.destroy());
  asked.end();
});
between.on("connection", (socket) => {
  open.add(socket);
  socket.on("close", () => open.delete(socket));
});
await new Promise((resolve) => between.listen(0, "127.0.0.1", resolve));
const through = "http://127.0.0.1:" + between.address().port;

const look = async (address, options = {}) => {
  const context = await chromium.launchPersistentContext(mkdtempSync(join(work, "profile-")),
    { executablePath: process.env.CHROMIUM, headless: true, args: browserArgs, viewport: { width: 1280, height: 900 }, ...options });
  const page = context.pages()[0] ?? await context.newPage();
  const faults = [];
  const asked = [];
  page.on("console", (message) => ["error", "warning"].includes(message.type()) && faults.push(message.text()));
  page.on("pageerror", (error) => faults.push(String(error)));
  context.on("request", (r) => asked.push(r.url()));
  await page.addInitScript(() => {
    window.violations = [];
    document.addEventListener("securitypolicyviolation", (event) => window.violations.push(event.violatedDirective + " " + event.blockedURI));
  });
  await page.goto(address);
  await page.waitForSelector("body[data-stream=live]");
  return { context, page, faults, asked };
};

// dim lists text whose contrast with what is behind it is below 4.5.
const dim = (page) => page.evaluate(() => {
  const numbers = (colour) => colour.match(/[\d.]+/g).map(Number);
  const light = (colour) => {
    const [r, g, b] = numbers(colour).slice(0, 3).map((c) => (c /= 255) <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4);
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const behind = (element) => {
    for (let e = element; e; e = e.parentElement) {
      const colour = getComputedStyle(e).backgroundColor;
      if (numbers(colour).length < 4 || numbers(colour)[3] > 0) {
        return colour;
      }
    }
    return "rgb(255, 255, 255)";
  };
  const found = new Set();
  for (const element of document.querySelectorAll("body *")) {
    if (element.closest("noscript, title") || ![...element.childNodes].some((n) => n.nodeType === 3 && n.textContent.trim())) {
      continue;
    }
    const style = getComputedStyle(element);
    const [a, b] = [light(element.namespaceURI.endsWith("svg") ? style.fill : style.color), light(behind(element))].sort((x, y) => y - x);
    if ((a + 0.05) / (b + 0.05) < 4.5) {
      found.add(element.tagName + "." + (element.getAttribute("class") ?? "") + " " + element.textContent.slice(0, 30));
    }
  }
  return [...found];
});

for (const scheme of ["light", "dark"]) {
  const { context, page, faults, asked } = await look(url + "/", { colorScheme: scheme });
  await check(scheme + ": the whole link is shown", async () => {
    const text = await page.locator("body").innerText();
    for (const words of ["EMIS Web", "SystmOne", "Exchanges per minute", "Whole exchange", "Records given", "Refused, no-consent", "Mapping tables", "Audit log", "Instances", "Last events", "Live"]) {
      holds(text.includes(words), "it does not say " + words);
    }
    holds(await page.locator("#picture .wire").count() === 2, "there are not two wires");
  });
  await check(scheme + ": nothing of a patient or a user", async () => {
    const text = await page.content();
    holds(!/Quillfeather|9998193036|hwinterbourne|999 819 3036/i.test(text), "there is");
  });
  await check(scheme + ": every text has a contrast of 4.5", async () => {
    const found = await dim(page);
    holds(found.length === 0, found.join("; "));
  });
  await check(scheme + ": the scheme is the browser's", async () => {
    const back = await page.evaluate(() => getComputedStyle(document.body).backgroundColor);
    holds((Number(back.match(/\d+/)[0]) < 60) === (scheme === "dark"), back);
  });
  await check(scheme + ": nothing is loaded from elsewhere, no fault, nothing against its policy", async () => {
    holds(asked.every((one) => one.startsWith(url + "/") || one === "data:,"), asked.join(" "));
    holds(faults.length === 0, faults.join("; "));
    holds((await page.evaluate(() => window.violations)).length === 0, "violations");
  });
  if (scheme === "light") {
    await page.setViewportSize({ width: 960, height: 900 });
    const image = await page.screenshot();
    if (pictures) {
      writeFileSync(join(pictures, "operations.png"), image);
    }
  }
  await context.close();
}

{
  const { context, page } = await look(url + "/", { viewport: { width: 360, height: 740 }, isMobile: true, hasTouch: true });
  await check("a phone: nothing goes beyond the side", async () => {
    const [whole, seen] = await page.evaluate(() => [document.documentElement.scrollWidth, document.documentElement.clientWidth]);
    holds(whole <= seen && seen === 360, `${whole} of ${seen}`);
  });
  await context.close();
}

{
  const { context, page } = await look(url + "/");
  await check("the keyboard goes through the page in order, and where it is can be seen", async () => {
    const places = [];
    for (let i = 0; i < 30; i++) {
      await page.keyboard.press("Tab");
      const at = await page.evaluate(() => {
        const e = document.activeElement;
        const style = getComputedStyle(e);
        const box = e.getBoundingClientRect();
        return { tag: e.tagName, name: e.getAttribute("aria-labelledby") ?? e.className, top: box.top + window.scrollY, seen: style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2 };
      });
      if (at.tag === "BODY") {
        break;
      }
      holds(at.seen, at.name + " shows no focus");
      places.push(at);
    }
    holds(places.length >= 5 && places[0].name === "skip", JSON.stringify(places));
    for (let i = 2; i < places.length; i++) {
      holds(places[i].top >= places[i - 1].top - 1, places[i].name + " comes out of order");
    }
  });
  await context.close();
}

{
  const { context, page, faults } = await look(through + "/");
  await check("a wire that breaks is shown as down, in words and shape", async () => {
    edit = (link) => ({ ...link, status: "down", why: ["SystmOne does not answer: connection refused"],
      systems: link.systems.map((s) => s.name === "systmone" ? { ...s, wire: "down", reason: "connection refused", breaker: "open" } : s) });
    await page.waitForSelector("#level.is-down");
    holds((await page.locator("#level").innerText()).includes("SystmOne does not answer"), "no reason");
    holds(await page.locator("#level").getAttribute("aria-live") === "polite", "the level is not announced");
    holds((await page.locator("[data-system=systmone]").innerText()).includes("✕ down"), "the system is not said to be down");
    holds(await page.locator("#picture path.wire.down").count() === 2, "the picture has no gap");
    holds((await page.title()).startsWith("Down"), "the title");
    const found = await dim(page);
    holds(found.length === 0, found.join("; "));
    holds(faults.length === 0, faults.join("; "));
  });
  await check("and is up again", async () => {
    edit = (link) => link;
    await page.waitForSelector("#level:not(.is-down)");
  });
  await check("a stream that ends is said, with the age of what is shown, and begins again", async () => {
    const port = between.address().port;
    between.close();
    open.forEach((socket) => socket.destroy());
    await page.waitForSelector("body[data-stream=broken]");
    holds((await page.locator("#stream").innerText()).includes("No news for"), "nothing is said");
    await new Promise((resolve) => between.listen(port, "127.0.0.1", resolve));
    await page.waitForSelector("body[data-stream=live]");
  });
  await context.close();
}

demo.removeAllListeners("exit");
const ended = new Promise((resolve) => demo.on("exit", resolve));
between.close();
open.forEach((socket) => socket.destroy());
demo.kill("SIGTERM");
await ended;
console.log(`${passed} passed, ${failed} failed`);
process.exit(failed ? 1 : 0);
