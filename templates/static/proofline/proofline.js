/* Keys, menus, the chosen file's name. Every page works without this file. */
(() => {
  "use strict";

  const typing = (target) =>
    target.closest("input:not([type=checkbox]), textarea, select, [contenteditable]") !== null;

  /* j and k walk the rows of the page's first list; Enter follows the link that has the focus. */
  const walk = (step) => {
    const links = [...document.querySelectorAll("table[data-keys] a.row-link")].filter(
      (link) => link.offsetParent !== null,
    );
    if (links.length === 0) return;
    const at = links.indexOf(document.activeElement);
    const next = at < 0 ? (step > 0 ? 0 : links.length - 1) : Math.min(Math.max(at + step, 0), links.length - 1);
    links[next].focus();
    links[next].closest("tr").scrollIntoView({ block: "nearest" });
  };

  /* Find: a dialog in place of its page. The box keeps the focus of a typing person; arrows walk what was found. */
  const finder = document.getElementById("finder");
  const openFinder = () => {
    if (!finder) return false;
    if (!finder.open) finder.showModal();
    finder.querySelector("input").select();
    return true;
  };
  finder?.addEventListener("keydown", (event) => {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    const links = [...finder.querySelectorAll("[data-found]")];
    const box = finder.querySelector("input");
    if (event.key === "Escape") {
      // A search box would only empty itself.
      event.preventDefault();
      event.stopPropagation();
      finder.close();
    } else if (step && links.length) {
      event.preventDefault();
      const at = links.indexOf(document.activeElement) + step;
      (at < 0 ? box : links[Math.min(at, links.length - 1)]).focus();
    } else if (event.key === "Enter" && event.target === box && links.length && box.value === finder.dataset.asked) {
      event.preventDefault();
      links[0].click();
    }
  });
  finder?.addEventListener("htmx:afterSwap", () => {
    finder.dataset.asked = finder.querySelector("input").value;
  });
  finder?.addEventListener("click", (event) => {
    if (event.target === finder || event.target.closest("[data-finder-close]")) finder.close();
  });

  /* Rows that were selected: how many, all of them at once, and acts only when there are some. */
  const selectable = document.querySelector("form[data-select]");
  const boxes = selectable ? [...selectable.querySelectorAll("td.check input")] : [];
  const all = selectable?.querySelector("[data-select-all]");
  const tellSelected = () => {
    const chosen = boxes.filter((box) => box.checked).length;
    const told = selectable.querySelector("[data-select-count]");
    selectable.querySelector("[data-select-none]").hidden = chosen > 0;
    told.hidden = chosen === 0;
    told.textContent = `${chosen} selected`;
    for (const button of selectable.querySelectorAll(".bulk button")) button.disabled = chosen === 0;
    for (const box of boxes) box.closest("tr").classList.toggle("selected", box.checked);
    all.checked = chosen === boxes.length;
    all.indeterminate = chosen > 0 && chosen < boxes.length;
  };
  if (boxes.length) {
    all.hidden = false;
    selectable.querySelector("[data-select-link]").hidden = true;
    selectable.addEventListener("change", (event) => {
      if (event.target === all) for (const box of boxes) box.checked = all.checked;
      tellSelected();
    });
    window.addEventListener("pageshow", tellSelected);
    tellSelected();
  }

  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape") {
      for (const menu of document.querySelectorAll("details.menu[open]")) {
        menu.open = false;
        menu.querySelector("summary").focus();
      }
      return;
    }
    if ((event.ctrlKey || event.metaKey) && !event.altKey && !event.shiftKey && event.key.toLowerCase() === "k") {
      if (openFinder()) event.preventDefault();
      return;
    }
    if (event.ctrlKey || event.metaKey || event.altKey || typing(event.target)) return;
    if (event.key === "x") {
      const row = document.activeElement.closest("form[data-select] tbody tr");
      row?.querySelector("td.check input")?.click();
    } else if (event.key === "X") {
      document.querySelector("form[data-select] [data-select-all]")?.click();
    } else if (event.key === "j") walk(1);
    else if (event.key === "k") walk(-1);
    else if (event.key === "/") {
      const box = document.querySelector("[data-find]");
      if (box) {
        event.preventDefault();
        box.focus();
      }
    }
  });

  document.addEventListener("click", (event) => {
    for (const menu of document.querySelectorAll("details.menu[open]")) {
      if (!menu.contains(event.target)) menu.open = false;
    }
    const find = event.target.closest("[data-finder-open]");
    if (find && !event.ctrlKey && !event.metaKey && openFinder()) event.preventDefault();
    const print = event.target.closest("[data-print]");
    if (print) window.print();
  });

  /* A form that is being sent is not sent twice. */
  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (form.dataset.sent) event.preventDefault();
    else if (form.method === "post") form.dataset.sent = "1";
  });
  window.addEventListener("pageshow", () => {
    for (const form of document.querySelectorAll("form[data-sent]")) delete form.dataset.sent;
  });
})();
