"use strict";
(() => {
  const form = document.getElementById("filter");
  const words = document.getElementById("words");
  const chosen = document.getElementById("section");
  const outcomes = [...form.querySelectorAll("input[name=outcome]")];
  const shown = document.getElementById("shown");
  const none = document.getElementById("none");
  const sections = [...document.querySelectorAll("#record > .section")].map((element) => ({
    element,
    name: element.dataset.section,
    entries: [...element.querySelectorAll(":scope > article")].map((article) => ({ article, outcome: article.dataset.outcome, text: null })),
  }));
  const total = sections.reduce((sum, section) => sum + section.entries.length, 0);
  const number = (n) => n.toLocaleString("en-GB");
  const plain = (s) => s.normalize("NFD").replace(/\p{M}/gu, "").toLowerCase().replace(/\s+/g, " ");

  // What an entry is searched by, worked out when somebody first searches.
  const textOf = (entry) => {
    if (entry.text === null) {
      entry.text = plain([...entry.article.querySelectorAll("bdi, code, .kind, .when, .badge")].map((part) => part.textContent).join(" "));
    }
    return entry.text;
  };

  const apply = () => {
    const terms = plain(words.value).split(" ").filter(Boolean);
    const wanted = new Set(outcomes.filter((box) => box.checked).map((box) => box.value));
    const filtered = terms.length > 0 || chosen.value !== "" || wanted.size < outcomes.length;
    let count = 0;
    for (const section of sections) {
      let here = 0;
      for (const entry of section.entries) {
        const keep = (chosen.value === "" || chosen.value === section.name) && wanted.has(entry.outcome) &&
          (terms.length === 0 || terms.every((term) => textOf(entry).includes(term)));
        entry.article.hidden = !keep;
        here += keep ? 1 : 0;
      }
      // A section without a match is out of the way; its state stays in the table above.
      section.element.hidden = filtered && here === 0 && section.name !== chosen.value;
      count += here;
    }
    none.hidden = count > 0 || total === 0;
    shown.textContent = number(count) + " of " + number(total) + " entries shown";
  };

  // A link to an entry or a section that is filtered away shows all again.
  const reveal = () => {
    const target = location.hash.length > 1 && document.getElementById(location.hash.slice(1));
    if (!target || !target.closest("#record [hidden]")) {
      return;
    }
    form.reset();
    window.setTimeout(() => {
      target.scrollIntoView();
      target.focus();
    }, 0);
  };

  let waiting = 0;
  words.addEventListener("input", () => {
    window.clearTimeout(waiting);
    waiting = window.setTimeout(apply, 120);
  });
  chosen.addEventListener("change", apply);
  for (const box of outcomes) {
    box.addEventListener("change", apply);
  }
  form.addEventListener("reset", () => window.setTimeout(apply, 0));
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    apply();
  });
  window.addEventListener("hashchange", reveal);
  document.addEventListener("click", (event) => {
    const link = event.target.closest("a[href^='#']");
    if (link && link.hash === location.hash) {
      reveal();
    }
  });
  // Nothing is remembered of an earlier visit but the address.
  form.reset();
  form.hidden = false;
  apply();
})();
