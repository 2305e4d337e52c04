// Filters and pages the product cards, looks for products that have none here, and enlarges
// pictures. Without this script every card is there, the links below jump between the pages, and a
// picture's link opens it. What comes from the catalogue is only ever set as text.
"use strict";

// Products of other parts and those without a card: files of rows, loaded when somebody looks.
const rowsByPart = new Map();
window.unposedProducts = (number, rows) => rowsByPart.set(number, rows);

(() => {
  const form = document.getElementById("filters");
  if (!form) return;
  const PER_PAGE = Number(form.dataset.perPage);
  const holder = document.getElementById("cards");
  const cards = [...holder.querySelectorAll(".product")];
  const found = document.getElementById("found");
  const nothing = document.getElementById("nothing");
  const pagers = [...document.querySelectorAll("[data-pager]")];
  const controls = form.elements;
  const columns = JSON.parse(form.dataset.columns);
  const choices = [...form.querySelectorAll("select[data-column]")];
  const here = new Map(cards.map((card) => [card, recordOf(card.dataset)]));
  let page = 1;

  // One list instead of the pages' sections: a filter makes other pages.
  const list = document.createElement("section");
  list.className = "cards";
  list.setAttribute("aria-label", "Products");
  for (const card of cards) card.hidden = true;
  list.append(...cards);
  holder.replaceChildren(list);
  const plain = document.getElementById("plain-pages");
  if (plain) plain.hidden = true;
  form.hidden = false;
  for (const pager of pagers) pager.hidden = false;

  const chosenSubcategory = () =>
    controls.category.selectedOptions[0]?.dataset.subcategory ?? "";

  function recordOf(data) {
    return {
      id: data.id,
      text: data.search,
      category: data.category,
      subcategory: data.subcategory,
      status: data.status,
      missing: data.missing.split(" "),
      few: data.few === "yes",
      carried: JSON.parse(data.carried),
    };
  }

  // What is looked for: each word anywhere in the product's id, title or further columns.
  function wanted() {
    const carried = choices.filter((choice) => choice.value);
    return {
      words: controls.q.value.trim().toLowerCase().split(/\s+/).filter(Boolean),
      category: controls.category.value,
      subcategory: chosenSubcategory(),
      status: controls.status.value,
      missing: controls.missing.value,
      few: controls.few.checked,
      carried: carried.map((choice) => [choice.dataset.column, choice.value]),
    };
  }

  function matches(record, want) {
    return (
      want.words.every((word) => record.text.includes(word)) &&
      (!want.category || record.category === want.category) &&
      (!want.subcategory || record.subcategory === want.subcategory) &&
      (!want.status || record.status === want.status) &&
      (!want.missing || record.missing.includes(want.missing)) &&
      (!want.few || record.few) &&
      want.carried.every(([name, value]) => record.carried[name] === value)
    );
  }

  function show() {
    const want = wanted();
    const chosen = cards.filter((card) => matches(here.get(card), want));
    const pages = Math.max(1, Math.ceil(chosen.length / PER_PAGE));
    page = Math.min(Math.max(page, 1), pages);
    const first = (page - 1) * PER_PAGE;
    const visible = new Set(chosen.slice(first, first + PER_PAGE));
    for (const card of cards) {
      card.hidden = !visible.has(card);
      if (card.hidden) continue;
      for (const gap of card.querySelectorAll("[data-ask]")) {
        const marked = gap.dataset.ask === want.missing;
        gap.classList.toggle("wanted-gap", marked);
        if (marked && gap.closest("details")) gap.closest("details").open = true;
      }
    }
    nothing.hidden = chosen.length > 0;
    const last = Math.min(first + PER_PAGE, chosen.length);
    const count = chosen.length.toLocaleString("en");
    found.textContent = !chosen.length
      ? "No product matches"
      : pages > 1
        ? `${first + 1}–${last} of ${count} products`
        : `${count} product${chosen.length === 1 ? "" : "s"}`;
    for (const pager of pagers) fill(pager.querySelector("nav"), pages);
    lookElsewhere(want);
  }

  // Products without a card on this page.

  const elsewhere = document.getElementById("elsewhere");
  const SHOWN = 50;
  const shownIds = new Set([...here.values()].map((record) => record.id));
  let search = 0;
  let limit = SHOWN;

  function load(number) {
    if (rowsByPart.has(number)) return Promise.resolve(true);
    return new Promise((resolve) => {
      const script = document.createElement("script");
      script.src = `search/${number}.js`;
      script.onload = () => resolve(rowsByPart.has(number));
      script.onerror = () => resolve(false);
      document.head.append(script);
    });
  }

  function recordOfRow(row) {
    const [id, category, subcategory, status, missing, few, share, values, asks, card] = row;
    const carried = {};
    columns.forEach((name, place) => {
      if (values[place] !== null) carried[name] = values[place];
    });
    const text = [id, ...Object.values(carried)].join(" ").toLowerCase();
    const named = asks.map(String);
    return {
      ...{ id: id.toLowerCase(), text, category, subcategory, status, missing: named },
      ...{ few: few === 1, carried, product: id, gaps: missing, share, card },
    };
  }

  async function lookElsewhere(want) {
    if (!elsewhere) return;
    search += 1;
    const own = search;
    const asked =
      want.words.length || want.category || want.status || want.missing || want.few ||
      want.carried.length;
    elsewhere.hidden = !asked;
    if (!asked) return;
    // Somebody who types is not to wait for each letter's answer.
    await new Promise((resolve) => setTimeout(resolve, 200));
    if (own !== search) return;
    const parts = Number(form.dataset.parts);
    const list = elsewhere.querySelector("ul");
    const found = document.getElementById("elsewhere-found");
    const items = [];
    let count = 0;
    let lost = 0;
    for (let number = 1; number <= parts; number += 1) {
      found.textContent = `Looking: ${number} of ${parts} …`;
      if (!(await load(number))) lost += 1;
      if (own !== search) return;
      for (const row of rowsByPart.get(number) ?? []) {
        const record = recordOfRow(row);
        if (shownIds.has(record.id) || !matches(record, want)) continue;
        count += 1;
        if (items.length < limit) items.push(item(record));
      }
    }
    list.replaceChildren(...items);
    const said = `${count.toLocaleString("en")} product${count === 1 ? "" : "s"}`;
    found.textContent =
      (count > items.length ? `The first ${items.length} of ${said}` : said) +
      (lost ? `; ${lost} of ${parts} lists could not be loaded` : "");
    document.getElementById("elsewhere-more").hidden = count <= items.length;
  }

  function make(tag, css, text) {
    return Object.assign(document.createElement(tag), { className: css, textContent: text });
  }

  function item(record) {
    const title = record.carried[form.dataset.title] ?? record.product;
    const made = make("li", "panel", "");
    const name = make("h3", "", "");
    if (record.card) {
      const link = make("a", "", title);
      link.href = record.card;
      name.append(link);
    } else {
      name.textContent = title;
    }
    const place = [record.category, record.subcategory].filter(Boolean).join(" / ");
    const line = title === record.product ? place : `${record.product} · ${place}`;
    const chip = make("span", `chip ${record.status}`, "");
    chip.textContent =
      record.status === "gaps"
        ? `${record.gaps} missing`
        : (optionText(controls.status, record.status) ?? record.status).toLowerCase();
    const missing = record.missing
      .map((ask) => optionText(controls.missing, ask))
      .filter(Boolean)
      .join(" · ");
    made.append(name, make("p", "soft", line), chip, make("p", "soft", missing));
    return made;
  }

  function optionText(control, value) {
    return [...control.options].find((option) => option.value === value)?.textContent;
  }

  document.getElementById("elsewhere-more")?.addEventListener("click", () => {
    limit += SHOWN;
    lookElsewhere(wanted());
  });

  function fill(nav, pages) {
    nav.replaceChildren();
    if (pages < 2) return;
    const near = new Set([1, pages, page - 1, page, page + 1]);
    nav.append(button("‹", page - 1, "Previous page", page === 1));
    let skipped = false;
    for (let number = 1; number <= pages; number += 1) {
      if (near.has(number)) {
        nav.append(button(String(number), number, `Page ${number}`, false));
        skipped = false;
      } else if (!skipped) {
        nav.append(Object.assign(document.createElement("span"), { textContent: "…" }));
        skipped = true;
      }
    }
    nav.append(button("›", page + 1, "Next page", page === pages));
  }

  function button(text, number, label, disabled) {
    const made = document.createElement("button");
    made.type = "button";
    made.textContent = text;
    made.setAttribute("aria-label", label);
    made.disabled = disabled;
    if (number === page && !label.includes(" page")) made.setAttribute("aria-current", "page");
    made.addEventListener("click", () => {
      page = number;
      remember();
      show();
      form.scrollIntoView({ block: "start" });
    });
    return made;
  }

  function remember() {
    const state = new URLSearchParams();
    if (controls.q.value.trim()) state.set("q", controls.q.value.trim());
    for (const name of ["category", "status", "missing"]) {
      if (controls[name].value) state.set(name, controls[name].value);
    }
    if (chosenSubcategory()) state.set("subcategory", chosenSubcategory());
    for (const choice of choices) {
      if (choice.value) state.set(`carried.${choice.dataset.column}`, choice.value);
    }
    if (controls.few.checked) state.set("few", "yes");
    if (page > 1) state.set("page", String(page));
    history.replaceState(null, "", `#${state}`);
  }

  function recall() {
    const hash = location.hash.slice(1);
    const jump = /^product-\d+$/.test(hash) && document.getElementById(hash);
    const state = new URLSearchParams(jump ? "" : hash);
    controls.q.value = state.get("q") ?? "";
    for (const name of ["status", "missing"]) select(controls[name], state.get(name) ?? "");
    for (const choice of choices) {
      select(choice, state.get(`carried.${choice.dataset.column}`) ?? "");
    }
    select(controls.category, state.get("category") ?? "", state.get("subcategory") ?? "");
    controls.few.checked = state.get("few") === "yes";
    page = jump ? Math.floor(cards.indexOf(jump) / PER_PAGE) + 1 : Number(state.get("page")) || 1;
    show();
    if (jump) {
      jump.scrollIntoView({ block: "center" });
      jump.focus({ preventScroll: true });
    }
  }

  function select(control, value, subcategory = "") {
    const options = [...control.options];
    const index = options.findIndex(
      (option) => option.value === value && (option.dataset.subcategory ?? "") === subcategory,
    );
    control.selectedIndex = Math.max(index, 0);
  }

  function changed() {
    page = 1;
    limit = SHOWN;
    remember();
    show();
  }

  form.addEventListener("input", changed);
  form.addEventListener("submit", (event) => event.preventDefault());
  form.addEventListener("reset", () => setTimeout(changed));
  addEventListener("hashchange", recall);
  recall();
})();

// A picture in large: the original, or its small copy where that cannot be had.
(() => {
  const dialog = document.getElementById("large");
  if (!dialog?.showModal) return;
  const picture = document.createElement("img");
  picture.referrerPolicy = "no-referrer";
  dialog.querySelector(".step").after(picture);
  let links = [];
  let place = 0;

  function show(link) {
    const { large, small, address } = link.dataset;
    const opens = link.getAttribute("href") !== small;
    picture.alt = large;
    picture.onerror = () => {
      picture.onerror = null;
      if (small) picture.src = small;
    };
    picture.src = link.href;
    dialog.querySelector(".name").textContent = large;
    dialog.querySelector(".address").textContent = address;
    const open = dialog.querySelector(".open");
    open.hidden = !opens;
    open.href = link.href;
    for (const step of dialog.querySelectorAll(".step")) {
      step.disabled = !links[place + Number(step.dataset.step)];
    }
  }

  function move(by) {
    if (!links[place + by]) return;
    place += by;
    show(links[place]);
  }

  document.addEventListener("click", (event) => {
    const link = event.target.closest?.("a[data-large]");
    if (!link || event.ctrlKey || event.metaKey || event.shiftKey || event.button) return;
    event.preventDefault();
    links = [...link.closest("ul").querySelectorAll("a[data-large]")];
    place = links.indexOf(link);
    show(link);
    dialog.showModal();
  });
  for (const step of dialog.querySelectorAll(".step")) {
    step.addEventListener("click", () => move(Number(step.dataset.step)));
  }
  dialog.addEventListener("keydown", (event) => {
    if (event.key === "ArrowLeft") move(-1);
    if (event.key === "ArrowRight") move(1);
  });
  dialog.addEventListener("click", (event) => {
    if (event.target === dialog) dialog.close();
  });
  dialog.addEventListener("close", () => {
    picture.onerror = null;
    picture.removeAttribute("src");
  });
})();
