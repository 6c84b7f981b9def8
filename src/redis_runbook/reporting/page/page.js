(() => {
  "use strict";
  const all = (query, within = document) => [...within.querySelectorAll(query)];
  const shown = (cell) => cell.textContent.trim();

  // Copying: a button behind each command.
  if (navigator.clipboard) {
    for (const code of all(".steps code").filter((one) => one.textContent.includes(" "))) {
      const button = document.createElement("button");
      button.type = "button";
      button.className = "copy";
      button.textContent = "copy";
      button.setAttribute("aria-label", `copy ${code.textContent}`);
      button.addEventListener("click", async () => {
        await navigator.clipboard.writeText(code.textContent);
        button.textContent = "copied";
      });
      code.after(button);
    }
  }

  // Filtering: every word must be somewhere in a card or a row.
  const form = document.querySelector(".filter");
  const field = document.getElementById("filter");
  const things = all(".card, #findings tr:not(.topic):not(thead tr), .reasons > li");
  const texts = things.map((thing) => thing.textContent.toLowerCase());
  const filter = () => {
    const words = field.value.toLowerCase().split(/\s+/).filter(Boolean);
    let left = 0;
    things.forEach((thing, index) => {
      const fits = words.every((word) => texts[index].includes(word));
      thing.hidden = !fits;
      left += fits ? 1 : 0;
    });
    for (const body of all("#findings tbody")) {
      body.hidden = !all("tr:not(.topic)", body).some((row) => !row.hidden);
    }
    document.getElementById("filtered").textContent = words.length ? `${left} of ${things.length}` : "";
  };
  if (form && things.length) {
    form.hidden = false;
    form.addEventListener("submit", (event) => event.preventDefault());
    field.addEventListener("input", filter);
  }

  // Sorting: by a column, within each service and topic.
  const number = (text) => Number.parseFloat(text.replace(/\s/g, ""));
  const compare = (one, other) => {
    const numbers = [number(one), number(other)];
    const byNumber = numbers[0] - numbers[1];
    return numbers.some(Number.isNaN) ? one.localeCompare(other) : byNumber;
  };
  const table = document.getElementById("findings");
  for (const [column, head] of table ? all("thead th", table).entries() : []) {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = shown(head);
    head.replaceChildren(button);
    button.addEventListener("click", () => {
      const down = head.getAttribute("aria-sort") !== "ascending";
      for (const other of all("thead th", table)) other.removeAttribute("aria-sort");
      head.setAttribute("aria-sort", down ? "ascending" : "descending");
      for (const body of all("tbody", table)) {
        const rows = all("tr:not(.topic)", body);
        rows.sort((one, other) => compare(shown(one.cells[column]), shown(other.cells[column])));
        body.append(...(down ? rows : rows.reverse()));
      }
    });
  }
})();
