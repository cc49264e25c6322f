// Findings: sorted and filtered as the reader chooses; the one that the address names is opened, marked and shown.
(() => {
  const list = document.querySelector("ol.findings");
  if (!list) return;
  const section = document.getElementById("findings");
  const items = [...list.children];
  const bar = section.querySelector(".find");
  const numeric = { rank: 1, cost: -1, start: 1 };

  // Alike ones stay in their order: the worst and costliest first.
  function sortBy(button) {
    const key = button.dataset.sort;
    const compare = key in numeric
      ? (a, b) => numeric[key] * (Number(a.dataset[key]) - Number(b.dataset[key]))
      : (a, b) => a.dataset[key].localeCompare(b.dataset[key]);
    list.append(...[...items].sort(compare));
    bar.querySelectorAll("[data-sort]").forEach((each) => each.setAttribute("aria-pressed", String(each === button)));
  }

  function chosen(name) {
    const boxes = [...section.querySelectorAll(`input[name="${name}"]`)];
    return boxes.length ? new Set(boxes.filter((box) => box.checked).map((box) => box.value)) : null;
  }

  function filter() {
    const severities = chosen("severity");
    const kinds = chosen("kind");
    items.forEach((item) => {
      const wanted = (!severities || severities.has(item.dataset.severity)) && (!kinds || kinds.has(item.dataset.kind));
      item.hidden = !wanted;
    });
    const left = items.filter((item) => !item.hidden).length;
    section.querySelector(".none-left").hidden = left > 0;
    document.getElementById("findings-shown").textContent = `${left} of ${items.length} findings`;
  }

  function chooseAllKinds(checked) {
    section.querySelectorAll('input[name="kind"]').forEach((box) => { box.checked = checked; });
    filter();
  }

  function uncover(item) {
    if (item.hidden) {
      section.querySelectorAll('.find input[type="checkbox"]').forEach((box) => { box.checked = true; });
      filter();
    }
    if (getComputedStyle(item).display === "none") section.querySelector(".show-all").checked = true;
  }

  function select({ detail }) {
    items.forEach((item) => item.classList.toggle("selected", item.dataset.id === String(detail.finding)));
    const item = items.find((each) => each.classList.contains("selected"));
    if (!item) return;
    uncover(item);
    item.querySelector("details").open = true;
    view.showAround(Number(item.dataset.start), Number(item.dataset.end));
    item.scrollIntoView({ block: "start" });
  }

  if (bar) {
    bar.hidden = false;
    bar.addEventListener("change", filter);
    bar.addEventListener("click", (event) => {
      const { sort, kinds } = event.target.dataset;
      if (sort) sortBy(event.target);
      if (kinds) chooseAllKinds(kinds === "all");
    });
  }
  document.addEventListener("tracer:select", select);
})();
