// Filters of the board. They stay in the address, so that a reload keeps them.
const filters = document.getElementById("filters");
const chosen = () => Object.fromEntries([...new FormData(filters)].filter(([, value]) => value));
const matches = (row, wanted) => Object.entries(wanted).every(([name, value]) => {
  const own = row.dataset[name === "state" ? "states" : name] ?? "";
  return own.split("|").includes(value);
});
const showMatches = () => {
  const wanted = chosen();
  const rows = [...document.querySelectorAll("section.method .strip-row")];
  for (const row of rows) row.dataset.hidden = matches(row, wanted) ? "" : "yes";
  // A table's name spans its rows: it goes with the first one that is left.
  for (const body of document.querySelectorAll("table.board tbody")) {
    let name = null;
    for (const row of body.rows) {
      const own = row.querySelector("th.name");
      if (own) name = { cell: own, row, left: [] };
      if (row.dataset.hidden !== "yes") name.left.push(row);
      row.hidden = row.dataset.hidden === "yes";
      name.cell.rowSpan = Math.max(1, name.left.length);
      if (name.left[0] && name.cell.parentElement !== name.left[0]) name.left[0].prepend(name.cell);
    }
  }
  for (const item of document.querySelectorAll("ul.waiting > .strip-row")) item.hidden = item.dataset.hidden === "yes";
  const active = Object.keys(wanted).length > 0;
  for (const section of document.querySelectorAll("section.method")) {
    section.hidden = active && !section.querySelector(".strip-row:not([hidden])");
    const others = section.querySelector("details.others");
    const found = others?.querySelector(".strip-row:not([hidden])");
    if (others) others.hidden = active && !found;
    if (others && active && found && wanted.state) others.open = true;
  }
  const left = rows.filter((row) => row.dataset.hidden !== "yes").length;
  document.getElementById("filtered").textContent = active ? `${left} of ${rows.length} lines` : "";
  history.replaceState(null, "", active ? `#${new URLSearchParams(wanted)}` : location.pathname.split("/").pop() || ".");
};
if (location.hash.includes("=")) {
  for (const [name, value] of new URLSearchParams(location.hash.slice(1))) {
    const select = filters.elements[name];
    if (select && [...select.options].some((option) => option.value === value || option.text === value)) select.value = value;
  }
  showMatches();
}
filters.addEventListener("change", showMatches);
filters.addEventListener("reset", () => setTimeout(showMatches));
