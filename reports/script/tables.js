// Tables that sort by a press on a heading; on paper nothing is folded that is a section.
const tables = (() => {
  function key(row, column) {
    const cell = row.children[column];
    return cell.dataset.v === undefined ? cell.textContent : Number(cell.dataset.v);
  }

  function compare(a, b) {
    return typeof a === "number" && typeof b === "number" ? a - b : String(a).localeCompare(String(b));
  }

  function sortBy(button) {
    const head = button.closest("th");
    const order = head.getAttribute("aria-sort");
    const descending = order === "ascending" || (order !== "descending" && head.classList.contains("num"));
    const heads = [...head.parentNode.children];
    const column = heads.indexOf(head);
    const body = button.closest("table").tBodies[0];
    const rows = [...body.rows].sort((a, b) => (descending ? -1 : 1) * compare(key(a, column), key(b, column)));
    heads.forEach((other) => other.removeAttribute("aria-sort"));
    head.setAttribute("aria-sort", descending ? "descending" : "ascending");
    body.append(...rows);
  }

  // Sections that the reader has left folded are printed all the same, and folded again.
  function unfoldForPrint() {
    let opened = [];
    addEventListener("beforeprint", () => {
      opened = [...document.querySelectorAll(":is(.folded > details, .ladder-more, .lost-kinds):not([open])")];
      opened.forEach((details) => { details.open = true; });
    });
    addEventListener("afterprint", () => opened.forEach((details) => { details.open = false; }));
  }

  function start() {
    unfoldForPrint();
    document.addEventListener("click", (event) => {
      const heading = event.target.closest(".sortable thead button");
      if (heading) sortBy(heading);
    });
  }

  return { start };
})();
