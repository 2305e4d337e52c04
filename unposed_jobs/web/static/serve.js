"use strict";
// Everything works without this script; with it, keys, dialogs, landmarks and counts do too.
(() => {
  const all = (selector, within = document) => [...within.querySelectorAll(selector)];
  const one = (selector) => document.querySelector(selector);

  // A picture that does not come says so in its place.
  const gone = (image) => {
    image.hidden = true;
    const blank = image.parentElement.querySelector(".blank");
    if (blank) blank.hidden = false;
  };
  document.addEventListener("error", (event) => {
    if (event.target instanceof HTMLImageElement) gone(event.target);
  }, true);
  all("img").forEach((image) => { if (image.complete && !image.naturalWidth) gone(image); });

  // The address of the first start has the token behind its #, which no server log sees.
  const login = one("#login");
  const enter = () => {
    if (!login?.token || location.hash.length < 20) return;
    login.token.value = location.hash.slice(1);
    history.replaceState(null, "", location.pathname + location.search);
    login.submit();
  };
  window.addEventListener("hashchange", enter);
  enter();

  all("[data-prints]").forEach((button) => button.addEventListener("click", () => window.print()));
  all("[data-opens]").forEach((button) => button.addEventListener("click", () => {
    if (button.closest("#bar") && !ready()) return;
    one(`#${button.dataset.opens}`).showModal();
  }));
  all("[data-closes]").forEach((button) => button.addEventListener("click", () => button.closest("dialog").close()));

  // Choosing rows.
  const form = one("#decide"), whole = one("#whole"), chosen = one("#chosen");
  const ticks = form ? all("input[name=item]", form) : [];
  const say = () => {
    if (!chosen) return;
    const count = whole.value ? Number(one("#choose-whole").dataset.count) : ticks.filter((t) => t.checked).length;
    chosen.textContent = count ? `${count} chosen` : "None chosen";
    all("#bar [data-key]").forEach((button) => { button.disabled = !count && !rowNow(); });
  };
  ticks.forEach((tick) => tick.addEventListener("change", () => { whole.value = ""; say(); }));
  one("#choose-all")?.addEventListener("click", () => {
    const on = !ticks.every((tick) => tick.checked);
    whole.value = "";
    ticks.forEach((tick) => { tick.checked = on; });
    say();
  });
  one("#choose-whole")?.addEventListener("click", () => {
    ticks.forEach((tick) => { tick.checked = true; });
    whole.value = whole.dataset.query || "state=todo";
    say();
  });
  // Without a choice the row that the keys are at is meant.
  const ready = () => {
    if (whole.value || ticks.some((tick) => tick.checked)) return true;
    const tick = rowNow()?.querySelector("input[name=item]");
    if (tick) { tick.checked = true; say(); }
    return Boolean(tick);
  };
  form?.addEventListener("submit", (event) => { if (!ready()) event.preventDefault(); });

  // Keys.
  const rows = all("[data-row]");
  let at = -1;
  const rowNow = () => rows[at];
  const go = (place) => {
    if (!rows.length) return;
    rowNow()?.classList.remove("now");
    at = Math.max(0, Math.min(rows.length - 1, place));
    rowNow().classList.add("now");
    rowNow().scrollIntoView({ block: "nearest" });
    (rowNow().querySelector("input[name=item]") || rowNow().querySelector("[data-open]"))?.focus({ preventScroll: true });
    sessionStorage.setItem("row", JSON.stringify([location.pathname + location.search, at]));
    say();
  };
  try {
    const [where, row] = JSON.parse(sessionStorage.getItem("row") || "[]");
    if (where === location.pathname + location.search && rows.length) go(row);
  } catch { /* Nothing kept. */ }
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || one("dialog[open]")) return;
    const field = event.target.closest("input:not([type=checkbox]), select, textarea");
    if (field) { if (event.key === "Escape") field.blur(); return; }
    const key = event.key;
    if (key === "/") { event.preventDefault(); one("input[type=search]")?.focus(); }
    else if (key === "j") go(at + 1);
    else if (key === "k") go(at - 1);
    else if (key === "x" && rowNow()) rowNow().querySelector("input[name=item]")?.click();
    else if (key === "Enter" && rowNow() && !event.target.closest("a, button, summary")) { event.preventDefault(); rowNow().querySelector("[data-open]")?.click(); }
    else if (key === "n") one("[data-next]")?.click();
    else if (/^[a-z]$/.test(key)) { const button = one(`[data-key=${key}]`); if (button && !button.disabled) { event.preventDefault(); button.click(); } }
  });
  say();

  // Landmarks over the pictures, fetched when they are asked for.
  const draw = (stage, found) => {
    const image = stage.querySelector("img");
    const put = () => {
      const scale = Math.min(stage.clientWidth / image.naturalWidth, stage.clientHeight / image.naturalHeight);
      const width = image.naturalWidth * scale, height = image.naturalHeight * scale;
      const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
      const add = (name, values, css) => {
        const item = document.createElementNS(svg.namespaceURI, name);
        for (const [key, value] of Object.entries(values)) item.setAttribute(key, value);
        if (css) item.setAttribute("class", css);
        svg.append(item);
      };
      svg.setAttribute("class", "points");
      svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
      svg.setAttribute("aria-hidden", "true");
      svg.style.left = `${(stage.clientWidth - width) / 2}px`;
      svg.style.top = `${(stage.clientHeight - height) / 2}px`;
      svg.style.width = `${width}px`;
      svg.style.height = `${height}px`;
      for (const css of ["under", ""]) {
        for (const [x1, y1, x2, y2] of found.bones) add("line", { x1: x1 * width, y1: y1 * height, x2: x2 * width, y2: y2 * height }, css);
      }
      for (const [x, y] of found.points) add("circle", { cx: x * width, cy: y * height, r: 4 });
      stage.querySelector("svg.points")?.remove();
      stage.append(svg);
    };
    if (image.complete && image.naturalWidth) put(); else image.addEventListener("load", put, { once: true });
  };
  const button = one("#landmarks");
  button?.addEventListener("click", async () => {
    const on = button.getAttribute("aria-pressed") !== "true";
    button.setAttribute("aria-pressed", String(on));
    for (const stage of all("[data-landmarks]")) {
      if (!on) { stage.querySelector("svg.points")?.remove(); continue; }
      try {
        const answer = await fetch(stage.dataset.landmarks);
        if (answer.ok) draw(stage, await answer.json());
      } catch { /* Without them the picture is still there. */ }
    }
  });
})();
