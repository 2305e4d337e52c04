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
    chosen.textContent = count ? chosen.dataset.some.replace("{count}", count) : chosen.dataset.none;
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

  // Landmarks, mask and crops over the pictures, fetched when they are asked for.
  const layers = all("[data-layer]");
  const on = (name) => layers.some((b) => b.dataset.layer === name && b.getAttribute("aria-pressed") === "true");
  const draw = (stage, found) => {
    const image = stage.querySelector("img");
    const scale = Math.min(stage.clientWidth / image.naturalWidth, stage.clientHeight / image.naturalHeight);
    const width = image.naturalWidth * scale, height = image.naturalHeight * scale;
    const place = (item) => {
      item.style.left = `${(stage.clientWidth - width) / 2}px`;
      item.style.top = `${(stage.clientHeight - height) / 2}px`;
      item.style.width = `${width}px`;
      item.style.height = `${height}px`;
      stage.append(item);
    };
    all(".over", stage).forEach((item) => item.remove());
    if (on("mask") && found.mask) {
      const mask = new Image();
      mask.className = "over";
      mask.alt = "";
      mask.src = found.mask;
      place(mask);
    }
    const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
    const add = (name, values, css, text) => {
      const item = document.createElementNS(svg.namespaceURI, name);
      for (const [key, value] of Object.entries(values)) item.setAttribute(key, value);
      if (css) item.setAttribute("class", css);
      if (text) item.textContent = text;
      svg.append(item);
    };
    svg.setAttribute("class", "over points");
    svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
    svg.setAttribute("aria-hidden", "true");
    if (on("crops")) {
      for (const { name, box: [x, y, w, h] } of found.crops) {
        add("rect", { x: x * width, y: y * height, width: w * width, height: h * height }, "crop");
        add("text", { x: x * width + 6, y: y * height + 16 }, "", name.replaceAll("_", " "));
      }
    }
    if (on("landmarks")) {
      for (const css of ["under", ""]) {
        for (const [x1, y1, x2, y2] of found.bones) add("line", { x1: x1 * width, y1: y1 * height, x2: x2 * width, y2: y2 * height }, css);
      }
      for (const [x, y] of found.points) add("circle", { cx: x * width, cy: y * height, r: 4 });
    }
    place(svg);
  };
  const fetched = new Map();
  const overlay = async (stage) => {
    const any = layers.some((b) => b.getAttribute("aria-pressed") === "true");
    if (!any) { all(".over", stage).forEach((item) => item.remove()); return; }
    const address = stage.dataset.overlay, image = stage.querySelector("img");
    try {
      if (!fetched.has(address)) {
        const answer = await fetch(address);
        if (!answer.ok) return;
        fetched.set(address, await answer.json());
      }
      if (image.complete && image.naturalWidth) draw(stage, fetched.get(address));
      else image.addEventListener("load", () => draw(stage, fetched.get(address)), { once: true });
    } catch { /* Without them the picture is still there. */ }
  };
  const overlays = () => all("[data-overlay]").forEach(overlay);
  layers.forEach((button) => button.addEventListener("click", () => {
    button.setAttribute("aria-pressed", String(button.getAttribute("aria-pressed") !== "true"));
    overlays();
  }));
  if (layers.length) window.addEventListener("resize", overlays);
})();
