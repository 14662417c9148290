/* Keys, menus, the chosen file's name. Every page works without this file. */
(() => {
  "use strict";

  const typing = (target) =>
    target.closest("input, textarea, select, [contenteditable]") !== null;

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

  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape") {
      for (const menu of document.querySelectorAll("details.menu[open]")) {
        menu.open = false;
        menu.querySelector("summary").focus();
      }
      return;
    }
    if (event.ctrlKey || event.metaKey || event.altKey || typing(event.target)) return;
    if (event.key === "j") walk(1);
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
