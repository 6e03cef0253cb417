// Sort any table of several rows by a click on a heading; a row of totals stays last.
const value = (row, column) => {
  const cell = row.cells[column];
  const text = (cell?.dataset.sort ?? cell?.textContent ?? "").trim();
  const number = Number(text.replaceAll(",", ""));
  return text === "" || text.startsWith("–") ? null : Number.isNaN(number) ? text.toLowerCase() : number;
};
const order = (a, b) => typeof a === typeof b ? (a < b ? -1 : a > b ? 1 : 0) : typeof a === "number" ? -1 : 1;
const sort = (table, column, up) => {
  const body = table.tBodies[0];
  const rows = [...body.rows].filter((row) => !row.classList.contains("total"));
  const key = new Map(rows.map((row) => [row, value(row, column)]));
  rows.sort((a, b) => {
    const [x, y] = [key.get(a), key.get(b)];
    return x === null || y === null ? (x === null) - (y === null) : order(x, y) * (up ? 1 : -1);
  });
  body.prepend(...rows);
};
for (const table of document.querySelectorAll("table")) {
  if (!table.tHead || table.tBodies[0].rows.length < 2) continue;
  for (const head of table.tHead.rows[table.tHead.rows.length - 1].cells) {
    // No button element: Chromium leaves those out of a heading that it repeats on the next sheet of paper.
    const button = document.createElement("span");
    button.setAttribute("role", "button");
    button.tabIndex = 0;
    button.append(...head.childNodes);
    head.append(button);
    const press = () => {
      const up = head.getAttribute("aria-sort") !== "ascending";
      table.querySelectorAll("th[aria-sort]").forEach((other) => other.removeAttribute("aria-sort"));
      head.setAttribute("aria-sort", up ? "ascending" : "descending");
      sort(table, head.cellIndex, up);
    };
    button.addEventListener("click", press);
    button.addEventListener("keydown", (event) => {
      if (event.key !== "Enter" && event.key !== " ") return;
      event.preventDefault();
      press();
    });
  }
}
