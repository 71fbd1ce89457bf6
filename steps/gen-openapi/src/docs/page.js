
"use strict";
(() => {
  const root = document.documentElement;
  const query = new URLSearchParams(location.search);
  const by = (id) => document.getElementById(id);

  // The theme: as the machine has it, until somebody chooses. A page that may keep nothing forgets it.
  const kept = (value) => {
    try {
      if (value) localStorage.setItem("theme", value);
      return localStorage.getItem("theme");
    } catch {
      return null;
    }
  };
  const theme = (value) => {
    if (value === "light" || value === "dark") root.dataset.theme = value;
  };
  theme(query.get("theme") || kept());
  const button = by("theme");
  button.hidden = false;
  button.addEventListener("click", () => {
    const shown = root.dataset.theme;
    const isDark = shown ? shown === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
    theme(isDark ? "light" : "dark");
    kept(root.dataset.theme);
  });

  // The filter: every word has to be in the head of an operation, or in the name of a schema.
  const items = [...document.querySelectorAll("nav li > a")].flatMap((link) => {
    const target = by(decodeURIComponent(link.hash.slice(1)));
    if (!target || !target.matches(".operation, .schema")) return [];
    const head = target.querySelector("header, h3");
    return [{ target, entry: link.parentElement, text: head.textContent.toLowerCase() }];
  });
  const folds = [...document.querySelectorAll("nav details")];
  const wereOpen = folds.map((fold) => fold.open);
  const groups = [...document.querySelectorAll("main > .group")];
  const parts = document.querySelectorAll("main > .part:not(.group), nav .parts");
  const input = by("filter");
  const found = by("found");
  const filter = () => {
    const words = input.value.toLowerCase().split(/\s+/).filter(Boolean);
    let count = 0;
    for (const { target, entry, text } of items) {
      const hides = !words.every((word) => text.includes(word));
      target.hidden = hides;
      entry.hidden = hides;
      if (!hides) count += 1;
    }
    folds.forEach((fold, index) => {
      fold.hidden = words.length > 0 && !fold.querySelector("li:not([hidden])");
      fold.open = words.length > 0 || wereOpen[index];
    });
    for (const group of groups) {
      group.hidden = words.length > 0 && !group.querySelector("article:not([hidden])");
    }
    for (const part of parts) part.hidden = words.length > 0;
    found.value = words.length > 0 ? `${count} of ${items.length}` : "";
    return words.length > 0;
  };
  let waits = 0;
  input.addEventListener("input", () => {
    clearTimeout(waits);
    waits = setTimeout(filter, 80);
  });
  input.closest("p").hidden = false;
  document.addEventListener("keydown", (event) => {
    if (event.key === "/" && !event.target.closest("input")) {
      event.preventDefault();
      input.focus();
    } else if (event.key === "Escape" && event.target === input) {
      input.value = "";
      filter();
    }
  });
  if (query.get("q")) {
    input.value = query.get("q");
    filter();
  }

  // What an address leads to is shown, whatever is folded or filtered away.
  const arrive = () => {
    const target = by(decodeURIComponent(location.hash.slice(1)));
    for (const link of document.querySelectorAll("nav a")) {
      if (link.hash && link.hash === location.hash) link.setAttribute("aria-current", "true");
      else link.removeAttribute("aria-current");
    }
    if (!target) return;
    by("menu").checked = false;
    if (target.closest("[hidden]")) {
      input.value = "";
      filter();
    }
    for (let at = target; at; at = at.parentElement) if (at.matches("details")) at.open = true;
    target.scrollIntoView();
  };
  addEventListener("hashchange", arrive);
  if (location.hash) arrive();

  // On paper nothing is folded.
  let folded = [];
  addEventListener("beforeprint", () => {
    folded = [...document.querySelectorAll("main details:not([open])")];
    for (const details of folded) details.open = true;
  });
  addEventListener("afterprint", () => {
    for (const details of folded) details.open = false;
  });
})();
