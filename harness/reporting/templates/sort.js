// Rows by a figure: highest first, then lowest first, then the paper's order. Rows without the figure stay last.
for (const table of document.querySelectorAll("table[data-sortable]")) {
  const body = table.tBodies[0];
  const rows = [...body.rows].filter((row) => row.dataset.order);
  const inPaperOrder = [...body.rows];
  const said = document.createElement("p");
  said.className = "unseen";
  said.setAttribute("role", "status");
  table.parentElement.after(said);
  table.addEventListener("click", (event) => {
    const button = event.target.closest("button.sort");
    if (!button) return;
    const before = button.dataset.order;
    const order = before === "descending" ? "ascending" : before === "ascending" ? "" : "descending";
    for (const each of table.querySelectorAll("button.sort")) delete each.dataset.order;
    for (const each of table.querySelectorAll("th[aria-sort]")) each.removeAttribute("aria-sort");
    table.classList.toggle("sorted", Boolean(order));
    said.textContent = order ? `${button.getAttribute("aria-label")}: ${order}` : "Rows in the paper's order";
    if (!order) return body.append(...inPaperOrder);
    button.dataset.order = order;
    button.closest("th").setAttribute("aria-sort", order);
    const value = (row) => Number.parseFloat(row.cells[Number(button.dataset.place)]?.dataset[button.dataset.key]);
    const sign = order === "ascending" ? 1 : -1;
    body.append(...[...rows].sort((one, other) => {
      const [a, b] = [value(one), value(other)];
      return Number.isNaN(a) - Number.isNaN(b) || (sign * (a - b)) || one.dataset.order - other.dataset.order;
    }));
  });
}
