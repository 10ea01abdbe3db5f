// Keys, and a word when something changed. Everything works without it.
"use strict";
(() => {
  const rows = [...document.querySelectorAll(".list tbody tr:not(.ends)")];
  let last = -1;
  // The row in which the focus is: whoever hears the page is where whoever sees it is.
  const here = () => rows.indexOf(document.activeElement.closest("tr"));
  const move = (step) => {
    if (!rows.length) return;
    const from = here();
    last = Math.max(0, Math.min(rows.length - 1, (from < 0 ? last : from) + step));
    const row = rows[last];
    const link = row.querySelector("a") ?? row.querySelector("button, input");
    if (!link) row.tabIndex = -1;
    (link ?? row).focus();
    row.scrollIntoView({ block: "nearest" });
  };
  const help = document.getElementById("help");
  const keysAreOff = document.body.dataset.keys === "off"; // single keys are in the way of who speaks to the computer
  document.addEventListener("keydown", (event) => {
    if (keysAreOff || help?.open || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.target.matches('input:not([type="checkbox"]):not([type="radio"]), textarea, select')) {
      if (event.key === "Escape") event.target.blur();
      return;
    }
    if (event.key === "j") move(1);
    else if (event.key === "k") move(-1);
    else if (event.key === "/") document.querySelector(".find input")?.focus();
    else if (event.key === "x" && here() >= 0) rows[here()].querySelector('input[type="checkbox"]')?.click();
    else if (event.key === "n" || event.key === "r") document.querySelector(`[data-key="${event.key}"]`)?.click();
    else if (event.key === "a") document.querySelector("#actions :is(textarea, button, summary)")?.focus();
    else if (event.key === "c") location.assign("/contacts");
    else if (event.key === "?") help?.showModal();
    else return;
    event.preventDefault();
  });
  // The digest of a file that stays on this computer.
  const hashed = document.querySelector("form[data-hash]");
  const file = hashed?.querySelector('input[type="file"]');
  if (file && window.crypto?.subtle) {
    file.closest("label").hidden = false;
    file.addEventListener("change", async () => {
      const chosen = file.files[0];
      if (!chosen) return;
      const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", await chosen.arrayBuffer()));
      hashed.elements.sha256.value = [...digest].map((each) => each.toString(16).padStart(2, "0")).join("");
      hashed.elements.size.value = chosen.size;
      if (chosen.type) hashed.elements.media_type.value = chosen.type;
    });
  }
  // What somebody types stays over a reload, in this tab only, until it was carried out or they leave.
  const kept = window.sessionStorage;
  const place = (area) => `draft ${location.pathname} ${area.form?.getAttribute("action")} ${area.name}`;
  const drafts = [...document.querySelectorAll("textarea[name]")];
  const sent = new URLSearchParams(location.search).get("sent");
  if (sent && kept.getItem("carried out") !== sent && document.querySelector(".outcome.done")) {
    kept.setItem("carried out", sent);
    drafts.forEach((area) => kept.removeItem(place(area)));
  }
  for (const area of drafts) {
    area.value ||= kept.getItem(place(area)) ?? "";
    area.addEventListener("input", () => kept.setItem(place(area), area.value));
  }
  document.querySelector('form[action="/logout"]')?.addEventListener("submit", () => kept.clear());
  const live = document.body.dataset.live;
  if (!live) return;
  // Whoever has pressed a link meanwhile goes where it leads.
  let leaving = false;
  addEventListener("beforeunload", () => (leaving = true));
  addEventListener("pageshow", () => (leaving = false));
  const again = () => leaving || location.reload();
  // The answer may have come while this page was loading: then no event will tell.
  if ("waiting" in document.body.dataset) setTimeout(again, 1500);
  const source = new EventSource("/events");
  source.addEventListener("changed", (event) => {
    const isMine = live === "any" || event.data.split(" ").includes(live);
    if ("waiting" in document.body.dataset) again();
    else if (isMine) document.getElementById("changed").hidden = false;
  });
})();
