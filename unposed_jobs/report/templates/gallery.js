// Filters and pages the product cards. All that is shown is in the page already; without this
// script every card is there, and the links below jump between the pages.
"use strict";
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

  function matches(card) {
    const data = card.dataset;
    const subcategory = chosenSubcategory();
    const query = controls.q.value.trim().toLowerCase();
    return (
      (!query || data.id.includes(query)) &&
      (!controls.category.value || data.category === controls.category.value) &&
      (!subcategory || data.subcategory === subcategory) &&
      (!controls.status.value || data.status === controls.status.value) &&
      (!controls.missing.value || data.missing.split(" ").includes(controls.missing.value)) &&
      (!controls.few.checked || data.few === "yes")
    );
  }

  function show() {
    const chosen = cards.filter(matches);
    const pages = Math.max(1, Math.ceil(chosen.length / PER_PAGE));
    page = Math.min(Math.max(page, 1), pages);
    const first = (page - 1) * PER_PAGE;
    const visible = new Set(chosen.slice(first, first + PER_PAGE));
    const wanted = controls.missing.value;
    for (const card of cards) {
      card.hidden = !visible.has(card);
      if (card.hidden) continue;
      for (const gap of card.querySelectorAll("[data-ask]")) {
        const marked = gap.dataset.ask === wanted;
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
  }

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
    remember();
    show();
  }

  form.addEventListener("input", changed);
  form.addEventListener("submit", (event) => event.preventDefault());
  form.addEventListener("reset", () => setTimeout(changed));
  addEventListener("hashchange", recall);
  recall();
})();
