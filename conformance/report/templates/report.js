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
    panel.hidden = false;
    apply();
  }

  // A link into the list must not end at a row that a filter hides.
  const reveal = () => {
    const row = location.hash && document.getElementById(location.hash.slice(1));
    if (row && row.hidden) { row.hidden = false; row.scrollIntoView(); }
  };
  addEventListener("hashchange", reveal);

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
