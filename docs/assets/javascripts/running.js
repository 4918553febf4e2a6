/* The steps' addresses, on the ports where they are, and the front page's panel: which steps run on
   this machine now. And tables: wide ones, which the keyboard must reach, and their heads on a phone.

   The panel asks each step's tap (course/tap.py), which answers with its folder's name, so that another
   program on the port is not taken for the step. Looked at when the page opens, when the reader
   comes back to it, and when asked. */

(function () {
  "use strict";

  const WORDS = { running: "running", stopped: "not running", looking: "looking" };
  const PATIENCE = 3000;

  /* Where `python3 -m course serve` puts the steps; a test puts them elsewhere. */
  const port = (step) =>
    (window.WIRE_TRACE_PORTS || {})[step] || (step === "work" ? 8009 : 8000 + Number(step));

  /* Pages are written for the default ports; `serve --step-port` moves the steps. A recording stays
     as it was. */
  function movePorts() {
    const moved = (written) => port(written === "8009" ? "work" : Number(written) - 8000);
    for (const link of document.querySelectorAll("a[href^='http://127.0.0.1:800']")) {
      if (link.port !== "8000") link.port = moved(link.port);
    }
    const article = document.querySelector("article");
    const texts = article && document.createTreeWalker(article, NodeFilter.SHOW_TEXT);
    while (texts && texts.nextNode()) {
      const { currentNode: text } = texts;
      if (!/:800[1-69]\b/.test(text.data) || text.parentElement.closest("wire-trace")) continue;
      text.data = text.data.replace(/:(800[1-69])\b/g, (all, written) => `:${moved(written)}`);
    }
  }

  /* Resolves to whether the step of that folder answers on the port. */
  function answers(step, folder) {
    const random = crypto.getRandomValues(new Uint8Array(16));
    const id = Array.from(random, (n) => n.toString(16).padStart(2, "0")).join("");
    return new Promise((done) => {
      const socket = new WebSocket(`ws://${location.hostname}:${port(step)}/tap-${id}/`);
      const finish = (found) => {
        clearTimeout(timer);
        socket.onmessage = socket.onclose = null;
        socket.close();
        done(found);
      };
      const timer = setTimeout(() => finish(false), PATIENCE);
      socket.onmessage = (event) => finish(JSON.parse(event.data).label === folder);
      socket.onclose = () => finish(false);
    });
  }

  function show(item, state) {
    item.dataset.state = state;
    item.querySelector(".state").textContent = WORDS[state];
  }

  function begin(panel) {
    const words = panel.querySelector("[data-words]");
    const items = Array.from(panel.querySelectorAll("li"));
    if (location.protocol !== "http:" || !["127.0.0.1", "localhost"].includes(location.hostname)) {
      words.textContent =
        "The steps run on your own machine: start python3 -m course serve there " +
        "(Windows: py -m course serve) and open http://127.0.0.1:8080/.";
      return;
    }
    words.setAttribute("role", "status");
    const again = document.createElement("button");
    again.type = "button";
    again.textContent = "Look again";
    panel.append(again);

    async function look() {
      const found = await Promise.all(
        items.map(async (item) => {
          const running = await answers(item.dataset.step, item.dataset.folder);
          show(item, running ? "running" : "stopped");
          return running;
        }),
      );
      const steps = items.filter((item, index) => found[index] && item.dataset.step !== "work");
      const own = found[items.findIndex((item) => item.dataset.step === "work")];
      if (!steps.length) {
        words.textContent =
          "No step is running. Start them with python3 -m course serve (Windows: py -m course serve).";
      } else {
        const at = new Date().toTimeString().slice(0, 8);
        words.textContent = `Running at ${at}: ${steps.length} of ${items.length - 1} steps. ${
          own ? "Your own folder, too." : "Your own folder begins with python3 -m course copy 3 work."
        }`;
      }
    }

    for (const item of items) show(item, "looking");
    look();
    again.addEventListener("click", look);
    document.addEventListener("visibilitychange", () => {
      if (document.visibilityState === "visible") look();
    });
  }

  /* A table that is wider than its place scrolls; then the keyboard must reach it. */
  function reachTables() {
    for (const box of document.querySelectorAll(".md-typeset__scrollwrap")) {
      if (box.scrollWidth > box.clientWidth) box.tabIndex = 0;
      else box.removeAttribute("tabindex");
    }
  }

  /* On a phone a table's row becomes a list (site.css), where each cell needs the name of its column. */
  function nameCells() {
    for (const table of document.querySelectorAll(".stack table")) {
      const heads = Array.from(table.querySelectorAll("th"), (head) => head.textContent);
      for (const row of table.tBodies[0].rows) {
        for (const [index, cell] of Array.from(row.cells).entries()) cell.dataset.head = heads[index];
      }
    }
  }

  document.addEventListener("DOMContentLoaded", () => {
    if (window.WIRE_TRACE_PORTS) movePorts();
    nameCells();
    document.querySelectorAll("[data-running]").forEach(begin);
  });
  for (const moment of ["load", "resize"]) addEventListener(moment, reachTables);
})();
