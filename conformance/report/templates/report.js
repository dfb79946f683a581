"use strict";
(() => {
  for (const panel of document.querySelectorAll("[data-filters]")) {
    const rows = [...document.getElementById(panel.dataset.filters).querySelectorAll("[data-row]")];
    const texts = rows.map((row) => row.textContent.toLowerCase());
    const search = panel.querySelector("[data-search]");
    const boxes = [...panel.querySelectorAll("[data-key]")];
    const shown = panel.querySelector("[data-shown]");
    const apply = () => {
      const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
      const refused = boxes.filter((box) => !box.checked);
      let count = 0;
      rows.forEach((row, index) => {
        const visible = words.every((word) => texts[index].includes(word))
          && !refused.some((box) => row.dataset[box.dataset.key] === box.value);
        row.hidden = !visible;
        count += visible;
      });
      shown.textContent = count === rows.length ? `${count} shown` : `${count} of ${rows.length} shown`;
    };
    panel.addEventListener("input", apply);
    search.addEventListener("keydown", (event) => {
      if (event.key === "Escape" && search.value) { search.value = ""; apply(); event.preventDefault(); }
    });
    panel.hidden = false;
    apply();
  }

  // A link must not end at what a filter hides or what is folded.
  const reveal = () => {
    const target = location.hash && document.getElementById(decodeURIComponent(location.hash.slice(1)));
    let moved = false;
    for (let part = target; part; part = part.parentElement) {
      if (part.hidden) { part.hidden = false; moved = true; }
      if (part.tagName === "DETAILS" && !part.open) { part.open = true; moved = true; }
    }
    if (moved) { target.scrollIntoView(); }
  };
  addEventListener("hashchange", reveal);
  reveal();

  // "/" goes to the search of the section that is in view.
  addEventListener("keydown", (event) => {
    if (event.key !== "/" || event.ctrlKey || event.metaKey || /^(INPUT|TEXTAREA|SELECT)$/.test(event.target.tagName)) { return; }
    const fields = [...document.querySelectorAll("[data-search]")];
    const seen = fields.filter((field) => field.closest("section").getBoundingClientRect().bottom > innerHeight / 3);
    (seen[0] ?? fields[0])?.focus();
    event.preventDefault();
  });

  const copy = async (text) => {
    try { await navigator.clipboard.writeText(text); return true; } catch { /* not allowed here: the old way */ }
    const area = document.createElement("textarea");
    area.value = text;
    area.style.position = "fixed";
    document.body.append(area);
    area.select();
    const done = document.execCommand("copy");
    area.remove();
    return done;
  };
  for (const box of document.querySelectorAll(".curl")) {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = "Copy";
    button.setAttribute("aria-label", "Copy the curl line");
    button.addEventListener("click", async () => {
      button.textContent = await copy(box.dataset.exact ?? box.querySelector("code").textContent) ? "Copied" : "Select it";
      setTimeout(() => { button.textContent = "Copy"; }, 1500);
    });
    box.classList.add("copyable");
    box.append(button);
  }
})();
