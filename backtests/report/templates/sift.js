// Show the rows of the tables of class "searched" that hold every word of #search and the choice of #choice.
const words = document.querySelector("#search"), choice = document.querySelector("#choice");
const sift = () => {
  const asked = (words?.value ?? "").toLowerCase().split(/\s+/), only = choice?.value ?? "";
  for (const row of document.querySelectorAll("table.searched tbody tr")) {
    const text = row.textContent.toLowerCase();
    row.hidden = !asked.every((word) => text.includes(word)) || (only !== "" && row.dataset.choice !== only);
  }
};
words?.addEventListener("input", sift);
choice?.addEventListener("change", sift);
if (words?.value || choice?.value) sift();
