/* The wire inspector: <wire-trace step="3" url="/ws/echo/async-websocket/" send='["hi"]'>.

   It draws both sides of one WebSocket connection: the browser on the left, the server in the
   middle, the channel layer on the right where there is one; time runs down. A trace of several
   browsers gives each a line of its own and marks its events with its letter. It replays the
   recorded trace inside it (a <script type="application/json">, written by course/record.py) and
   can open a live connection to the running step through course/tap.py.

   A classic script without modules and without fetch, so that docs/first.html works from file://.
   Received text only ever becomes a text node. */

(function () {
  "use strict";

  /* Where `python -m course serve` runs what; it says so itself when that is elsewhere. */
  const PORTS = { 1: 8001, 2: 8002, 3: 8003, 4: 8004, 5: 8005, 6: 8006, work: 8009 };
  const portOf = (key) => (window.WIRE_TRACE_PORTS || {})[key] || PORTS[key];
  const COMMANDS = "python3 -m course serve (on Windows: py -m course serve)";
  const MAX_EVENTS = 400;

  const SYMBOLS = {
    handshake: "◇", scope: "◇", connect: "▷", accept: "✓", open: "✓", receive: "↑",
    message: "↓", group: "⇄", disconnect: "■", close: "■", error: "✕",
  };
  const SIDES = { browser: "Browser", server: "Server", layer: "Channel layer" };

  /* One sentence for each event, shown above its data. */
  const MEANING = {
    "browser handshake": "The browser asks for a WebSocket: an ordinary HTTP GET with a few extra headers.",
    "browser response": "The server's answer to the GET. With 101 both sides leave HTTP behind and speak frames.",
    "browser refusal": "The server refused. The page's script never sees this status, only error and close 1006.",
    "browser open": "The page's open event: from here on it may send.",
    "browser send": "The page calls send(). One call makes one message.",
    "browser message": "The page's message event. The text or the bytes are in event.data.",
    "browser close()": "The page asks to close. Nothing more can be sent; frames may still arrive.",
    "browser close": "The page's close event: code and wasClean are all it learns about the end.",
    "browser error": "The page's error event. On purpose it does not say why; a close event follows.",
    "server scope": "The server calls the application, once for this connection, with this scope. It is what the " +
      "server itself put in: middleware and routers add to copies of it. Headers, raw_path and query_string are " +
      "bytes, shown here as text.",
    "server connect": "The application's first event. The handshake is still unanswered: accept it or close.",
    "server accept": "The application accepts. Now the server answers the handshake with 101.",
    "server receive": "A message from the browser, as receive() returns it to the application.",
    "server send": "The application sends a message. Only one of text and bytes is set.",
    "server close": "The application closes. Before accept this refuses the handshake with 403.",
    "server disconnect": "The application's last event: the connection is gone, sending is useless now.",
    "server error": "Something went wrong in the application. Unanswered, the handshake gets a 500; later, Daphne closes " +
      "with 1011. disconnect() is not called.",
    "server group": "The layer hands a message to this consumer. The method named by its type runs in its turn, after " +
      "what the consumer is doing now.",
    "layer group": "A message through the channel layer, which joins consumers that do not know each other.",
    "layer group_add": "The consumer asks the layer to count its channel among the group's. Nobody is told.",
    "layer group_discard": "The consumer takes its channel out of the group.",
    "layer group_send": "The consumer gives the layer a message for every channel of the group, its own too if it is a " +
      "member. The call returns when the layer has it, and does not say who gets it.",
    "layer send": "The consumer gives the layer a message for one channel.",
  };

  const clock = () => performance.now();

  /* ---- The two sides of a connection as events ---------------------------------------------- */

  const bytes = (buffer) =>
    Array.from(new Uint8Array(buffer), (byte) => byte.toString(16).padStart(2, "0")).join(" ");
  const counted = (size) => (size === 1 ? "1 byte" : `${size} bytes`);

  function shown(data) {
    if (typeof data === "string") {
      const text = maskedText(data);
      const short = text.length < 60 ? text : text.slice(0, 59) + "…";
      return /^[{[]/.test(text) ? short : JSON.stringify(short);
    }
    return counted(data.byteLength);
  }

  /* Credentials are shown nowhere; of the server's side course/masking.py takes care. */
  const maskedText = (text) => text
    .replace(/("(?:token|ticket|access|refresh|password)"\s*:\s*")(?:[^"\\]|\\.)*/gi, "$1•••")
    .replace(/\beyJ[\w-]{8,}\.[\w-]+(?:\.[\w-]*)?/g, "•••");
  const maskedPath = (path) => path.replace(/([?&;][^=&;#]*(?:token|ticket|jwt)[^=&;#]*=)[^&;#]*/gi, "$1•••");
  const maskedProtocol = (name) => name.replace(/^(bearer|ticket)\..+/i, "$1.•••");

  /* Open a WebSocket and report what the page's side of it sees and does. */
  function openSocket(address, protocols, path, report) {
    const tell = (kind, label, data) => report({ at: clock(), side: "browser", kind, label, data });
    const [asked, offered] = [maskedPath(path), protocols.map(maskedProtocol)];
    tell("handshake", `GET ${asked}`, {
      call: `new WebSocket("…${asked}"${offered.length ? ", " + JSON.stringify(offered) : ""})`,
      "request line": `GET ${asked} HTTP/1.1`,
    });
    const socket = new WebSocket(address, protocols);
    socket.binaryType = "arraybuffer";
    socket.onopen = () =>
      tell("open", socket.protocol, { protocol: socket.protocol, extensions: socket.extensions });
    socket.onmessage = (event) =>
      tell("message", shown(event.data), {
        data: typeof event.data === "string" ? maskedText(event.data) : bytes(event.data),
      });
    socket.onerror = () => tell("error", "", { event: "error" });
    socket.onclose = (event) =>
      tell("close", String(event.code), {
        code: event.code, reason: event.reason, wasClean: event.wasClean,
      });
    return {
      socket,
      send(data) {
        const at = clock();
        socket.send(data); // throws while connecting: then nothing was sent
        const text = typeof data === "string";
        report({
          at, side: "browser", kind: "send", label: shown(data),
          data: { data: text ? maskedText(data) : bytes(data) },
        });
      },
      close(code, reason) {
        const at = clock();
        const given = [code, reason].filter((value) => value !== undefined);
        socket.close(...given); // throws for a code a page may not use
        report({
          at, side: "browser", kind: "close", label: given.length ? String(code) : "",
          data: { call: `close(${given.map((value) => JSON.stringify(value)).join(", ")})` },
        });
      },
    };
  }

  const isResponse = (event) => event.kind === "handshake" && "status line" in event.data;
  const isCall = (event) => event.side === "browser" && event.kind === "close" && "call" in event.data;

  /* The events of one connection each; a trace of several browsers numbers its connections. */
  function connections(events) {
    const found = new Map();
    for (const event of events) {
      const key = event.by ? event.connection : 0;
      if (!found.has(key)) found.set(key, []);
      found.get(key).push(event);
    }
    return [...found.values()];
  }

  /* Which event caused which on the other side: pairs of events, cause first. */
  const pairs = (events) => connections(events).flatMap(pairsOfOne);

  function pairsOfOne(events) {
    const found = [];
    const on = (side, ...kinds) => events.filter((e) => e.side === side && kinds.includes(e.kind));
    const link = (cause, effect) => cause && effect && found.push([cause, effect]);
    const request = on("browser", "handshake").find((event) => !isResponse(event));
    const response = on("browser", "handshake").find(isResponse);
    link(request, on("server", "scope")[0]);
    const answer = on("server", "accept", "close", "error")[0];
    const ended = on("browser", "close").find((event) => !isCall(event));
    link(answer, response || on("browser", "open", "error")[0]);
    const frames = (causes, effects) => {
      const left = [...effects];
      for (const cause of causes) {
        const index = left.findIndex((effect) => effect.label === cause.label);
        if (index >= 0) link(cause, left.splice(0, index + 1)[index]);
      }
    };
    frames(on("browser", "send"), on("server", "receive"));
    frames(on("server", "send"), on("browser", "message"));
    const gone = on("server", "disconnect")[0];
    const call = events.find(isCall);
    link(call, gone);
    if (answer && answer.kind === "accept") {
      const end = on("server", "close", "error").find((event) => event !== answer);
      if (end && (!gone || events.indexOf(end) < events.indexOf(gone))) link(end, ended);
    }
    return found;
  }

  /* Put all sides on one time axis. Their clocks may differ by a little, so an effect never
     stands before its cause, and each side keeps its own order; server and layer have one clock. */
  function align(events) {
    const order = {};
    for (const event of events) {
      const clockOf = event.side === "browser" ? `browser ${event.by}` : "server";
      (order[clockOf] = order[clockOf] || []).push(event);
    }
    const before = pairs(events);
    for (const list of Object.values(order)) {
      for (let i = 1; i < list.length; i += 1) before.push([list[i - 1], list[i]]);
    }
    for (let moved = true, rounds = 0; moved && rounds <= events.length; rounds += 1) {
      moved = false;
      for (const [cause, effect] of before) {
        if (effect.at < cause.at + 0.01) {
          effect.at = cause.at + 0.01;
          moved = true;
        }
      }
    }
    return events.sort((one, other) => one.at - other.at);
  }

  /* ---- Drawing ------------------------------------------------------------------------------ */

  let count = 0;

  function make(tag, attributes, ...children) {
    const node = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes || {})) {
      if (name === "on") for (const [type, handler] of Object.entries(value)) node.addEventListener(type, handler);
      else if (value === true) node.setAttribute(name, "");
      else if (value !== false && value !== undefined) node.setAttribute(name, value);
    }
    node.append(...children.filter((child) => child !== null && child !== undefined));
    return node;
  }

  const button = (label, click, more) =>
    make("button", { type: "button", class: "wt-button", on: { click }, ...more }, label);

  const symbol = (event) =>
    event.kind === "send" ? (event.side === "browser" ? "↑" : "↓") : SYMBOLS[event.kind] || "·";

  function word(event) {
    if (event.side === "browser" && event.kind === "send") return "send()";
    if (event.kind === "group") return event.side === "server" ? "from layer" : event.data.call || "group";
    return isCall(event) ? "close()" : event.kind;
  }

  /* A message's type says most: it stands first, without the JSON around it. */
  const brief = (text) => text.replace(/^\{"type": ?"(\w+)"(?:, ?(.*?)\}?|\})$/, (all, type, rest) =>
    rest ? `${type} ${rest}` : type);

  function meaning(event) {
    if (isResponse(event)) {
      return MEANING[/ 101 /.test(event.data["status line"] + " ") ? "browser response" : "browser refusal"];
    }
    const layer = event.side === "layer" && MEANING[`layer ${event.data.call}`];
    return layer || MEANING[`${event.side} ${isCall(event) ? "close()" : event.kind}`] || "";
  }

  const duration = (ms) => (ms < 999.5 ? `${ms.toFixed(ms < 99.95 ? 1 : 0)} ms` : `${(ms / 1000).toFixed(2)} s`);

  /* JSON with a line break only where a line would get long. */
  function layout(item, indent) {
    const flat = JSON.stringify(item);
    if (flat.length < 60 || item === null || typeof item !== "object") return flat;
    const inner = indent + "  ";
    const parts = Array.isArray(item)
      ? item.map((one) => layout(one, inner))
      : Object.entries(item).map(([name, one]) => `${JSON.stringify(name)}: ${layout(one, inner)}`);
    const [open, close] = Array.isArray(item) ? "[]" : "{}";
    return `${open}\n${inner}${parts.join(`,\n${inner}`)}\n${indent}${close}`;
  }

  function pretty(text) {
    if (/^\s*[[{]/.test(text)) {
      try {
        return layout(JSON.parse(text), "");
      } catch (error) {
        return text; // looks like JSON and is not: shown as it came
      }
    }
    return text;
  }

  /* A value of an event: pairs and objects as a list of terms, the rest as text. */
  function value(item) {
    const isPairs = Array.isArray(item) && item.length > 0 && item.every((pair) => Array.isArray(pair) && pair.length === 2);
    if (isPairs) return terms(item);
    if (item && typeof item === "object" && !Array.isArray(item)) return terms(Object.entries(item));
    if (typeof item === "string") return make("span", { class: "wt-text" }, item === "" ? "(empty)" : pretty(item));
    return make("span", { class: "wt-text" }, JSON.stringify(item));
  }

  function terms(entries) {
    const list = make("dl", { class: "wt-terms" });
    for (const [name, item] of entries) {
      list.append(make("div", {}, make("dt", {}, String(name)), make("dd", {}, value(item))));
    }
    return list;
  }

  function detail(event) {
    const said = meaning(event);
    const entries = Object.entries(event.data || {});
    const masked = JSON.stringify(event.data || {}).includes("•••");
    return [
      said && make("p", { class: "wt-meaning" }, said),
      entries.length ? terms(entries) : make("p", { class: "wt-meaning" }, "It carries no data."),
      masked && make("p", { class: "wt-meaning" }, "••• stands for a credential: it is neither shown nor recorded."),
    ].filter(Boolean);
  }

  /* The list of events and the arrows between them. */
  class Timeline {
    constructor() {
      this.rows = new Map();
      this.events = [];
      this.visible = Infinity;
      this.list = make("ol", { class: "wt-list" });
      this.arrows = document.createElementNS("http://www.w3.org/2000/svg", "svg");
      this.arrows.setAttribute("class", "wt-arrows");
      this.arrows.setAttribute("aria-hidden", "true");
      this.lanes = make("div", { class: "wt-lanes", "aria-hidden": "true" },
        make("span", { class: "wt-lane-time" }, "time"), make("span", { class: "wt-lane-browser" }, "Browser"),
        make("span", { class: "wt-lane-wire" }),
        make("span", { class: "wt-lane-server" }, "Server"), make("span", { class: "wt-lane-layer" }, "Layer"));
      this.empty = make("p", { class: "wt-empty" });
      this.node = make("div", { class: "wt-timeline" }, this.lanes,
        make("div", { class: "wt-body" }, this.list, this.arrows), this.empty);
      new ResizeObserver(() => this.drawArrows()).observe(this.list);
    }

    show(events, visible) {
      this.events = events;
      this.visible = visible;
      const kept = new Set(events);
      for (const [event, row] of this.rows) {
        if (!kept.has(event)) {
          row.remove();
          this.rows.delete(event);
        }
      }
      let last = null;
      events.forEach((event, index) => {
        const row = this.row(event);
        const place = last ? last.nextSibling : this.list.firstChild;
        if (row !== place) this.list.insertBefore(row, place);
        const at = event.at - events[0].at;
        row.querySelector(".wt-time").textContent = duration(at);
        const gap = index ? event.at - events[index - 1].at : 0;
        row.classList.toggle("wt-later", gap > 200);
        row.querySelector(".wt-gap").textContent = gap > 200 ? `${duration(gap)} later` : "";
        row.classList.toggle("wt-hidden", index >= visible);
        row.classList.toggle("wt-now", index === visible - 1);
        last = row;
      });
      const isLayer = (event) => event.side === "layer" || event.kind === "group";
      this.node.classList.toggle("wt-with-layer", events.some(isLayer));
      this.letters = [...new Set(events.map((event) => event.by).filter(Boolean))].sort();
      this.node.style.setProperty("--more", Math.max(0, this.letters.length - 1));
      this.node.classList.toggle("wt-several", this.letters.length > 1);
      this.lanes.querySelector(".wt-lane-wire").replaceChildren(
        ...this.letters.map((letter) => make("span", {}, letter)));
      this.node.classList.toggle("wt-long", events.length > 30);
      for (const [event, row] of this.rows) row.style.setProperty("--nth", Math.max(0, this.letters.indexOf(event.by)));
      this.empty.hidden = events.length > 0;
      this.lanes.hidden = this.list.hidden = events.length === 0;
      this.drawArrows();
    }

    row(event) {
      if (this.rows.has(event)) return this.rows.get(event);
      const id = `wire-trace-${(count += 1)}`;
      const panel = make("div", { class: "wt-detail", id, hidden: true });
      const toggle = make("button", { type: "button", class: "wt-event", "aria-expanded": "false", "aria-controls": id,
        on: { click: () => {
          if (!panel.firstChild) panel.append(...detail(event));
          panel.hidden = !panel.hidden;
          toggle.setAttribute("aria-expanded", String(!panel.hidden));
        } } },
        make("span", { class: "wt-time" }),
        make("span", { class: "wt-sr" }, ` ${SIDES[event.side]}${event.by ? `, ${event.by}` : ""}: `),
        make("span", { class: "wt-mark", "aria-hidden": "true" }, symbol(event)),
        make("span", { class: "wt-what" },
          make("span", { class: "wt-word" },
            event.by ? make("span", { class: "wt-by", "aria-hidden": "true" }, event.by) : null, word(event)), " ",
          make("span", { class: "wt-label" }, brief(event.label))));
      const row = make("li", { class: "wt-row", "data-side": event.side, "data-kind": event.kind },
        make("span", { class: "wt-gap" }), toggle, panel);
      this.rows.set(event, row);
      return row;
    }

    /* A line from each cause to its effect; one whose effect is not there yet is still under way. */
    drawArrows() {
      this.arrows.replaceChildren();
      const body = this.list.getBoundingClientRect();
      if (!body.width) return;
      const box = (event) => this.rows.get(event).querySelector(".wt-mark").getBoundingClientRect();
      for (const [cause, effect] of pairs(this.events)) {
        if (this.events.indexOf(cause) >= this.visible) continue;
        const arrived = this.events.indexOf(effect) < this.visible;
        const [from, to] = [box(cause), box(effect)];
        const right = from.left < to.left;
        const edge = (rect, atRight) => (atRight ? rect.right + 2 : rect.left - 2) - body.left;
        const middle = (rect) => (rect.top + rect.bottom) / 2 - body.top;
        const [x1, y1, x2, y2] = [edge(from, right), middle(from), edge(to, !right), middle(to)];
        const part = arrived ? 1 : 0.55;
        const [x, y] = [x1 + (x2 - x1) * part, y1 + (y2 - y1) * part];
        const angle = Math.atan2(y2 - y1, x2 - x1);
        const barb = (turn) => `${x - 8 * Math.cos(angle + turn)} ${y - 8 * Math.sin(angle + turn)}`;
        const path = document.createElementNS("http://www.w3.org/2000/svg", "path");
        path.setAttribute("d", `M${x1} ${y1}L${x} ${y}M${barb(0.45)}L${x} ${y}L${barb(-0.45)}`);
        const frame = ["send"].includes(cause.kind);
        path.setAttribute("class", `wt-arrow${frame ? " wt-frame" : ""}${arrived ? "" : " wt-under-way"}`);
        this.arrows.append(path);
      }
      this.drawLayerArrows(body, box);
    }

    /* What goes to the layer and comes from it, each within its own row, as far as its text leaves
       room: the other end of such a line is a consumer that may answer much later. */
    drawLayerArrows(body, box) {
      const marks = (side) => this.events.filter((event) => event.side === side).map(box);
      const [server] = marks("server");
      const last = this.lanes.querySelector(".wt-lane-layer").getBoundingClientRect().right - body.left;
      if (!server || !this.node.classList.contains("wt-with-layer")) return;
      this.events.forEach((event, index) => {
        if (event.kind !== "group" || index >= this.visible) return;
        const row = this.rows.get(event);
        const range = document.createRange();
        range.selectNodeContents(row.querySelector(".wt-what"));
        const text = range.getBoundingClientRect();
        const y = (box(event).top + box(event).bottom) / 2 - body.top;
        const half = server.width / 2;
        const [from, to] = event.side === "layer" ?
          [server.right - body.left - half, Math.max(text.left, row.querySelector(".wt-what").getBoundingClientRect().left) - body.left - 6] :
          [last - half, Math.min(text.right, row.querySelector(".wt-what").getBoundingClientRect().right) - body.left + 6];
        if (Math.abs(to - from) < 14 || (to > from) !== (event.side === "layer")) return;
        const back = to > from ? -7 : 7;
        const path = document.createElementNS("http://www.w3.org/2000/svg", "path");
        path.setAttribute("d", `M${from} ${y}L${to} ${y}M${to + back} ${y - 4}L${to} ${y}L${to + back} ${y + 4}`);
        path.setAttribute("class", "wt-arrow wt-to-layer");
        this.arrows.append(path);
      });
    }
  }

  /* ---- Live --------------------------------------------------------------------------------- */

  const isLocal = () => /^https?:$/.test(location.protocol) && ["127.0.0.1", "localhost"].includes(location.hostname);

  /* One watched connection: an observer on the tap, and the socket that goes through it.
     `changed(events)` after each event, `state(name, words)` when the connection's state changes. */
  class Live {
    constructor({ port, path, protocols, changed, state }) {
      Object.assign(this, { port, path, protocols, changed, state });
      this.events = [];
      this.offset = -Infinity;
      const random = crypto.getRandomValues(new Uint8Array(16));
      this.base = `ws://${location.hostname}:${port}/tap-${Array.from(random, (n) => n.toString(16).padStart(2, "0")).join("")}`;
      this.observer = new WebSocket(this.base + "/");
      this.observer.onmessage = (event) => this.heard(JSON.parse(event.data));
      this.observer.onclose = () => this.unwatched();
    }

    heard(event) {
      const now = clock();
      this.observer.send("1");
      this.offset = Math.max(this.offset, event.at - now);
      if (event.kind === "watching") {
        this.folder = event.label;
        this.connection = openSocket(this.base + this.path, this.protocols, this.path, (own) => this.own(own));
      } else if (event.kind === "end") {
        this.ended = true;
        this.finish();
      } else if (event.kind === "lost") {
        this.note = event.label;
        this.changed(this.events);
      } else {
        this.add({ ...event, at: Math.min(event.at - this.offset, now) });
      }
    }

    own(event) {
      if (event.kind === "open") this.state("open", "open");
      if (event.kind === "close" && !isCall(event)) {
        this.state("closed", `closed ${event.label}`);
        this.closed = true;
        this.finish();
      }
      this.add(event);
    }

    add(event) {
      this.events.push(event);
      if (this.events.length > MAX_EVENTS) {
        this.events.splice(8, 1); // the handshake stays
        this.note = `Of the messages, only the newest of ${MAX_EVENTS} events are kept.`;
      }
      align(this.events);
      this.changed(this.events);
    }

    finish() {
      if (this.ended && this.closed) this.stop();
    }

    /* The observer's socket ended: was there ever a tap? */
    unwatched() {
      if (!this.connection) this.state("closed", "not running");
    }

    stop() {
      this.observer.onclose = null;
      this.observer.close();
      if (this.connection) this.connection.socket.close();
    }
  }

  /* ---- The element -------------------------------------------------------------------------- */

  const LIVE = "A connection of your own browser, live";

  class WireTrace extends HTMLElement {
    connectedCallback() {
      if (this.timeline) return;
      const script = this.querySelector('script[type="application/json"]');
      this.trace = script ? JSON.parse(script.textContent) : null;
      this.step = this.getAttribute("step");
      this.path = this.getAttribute("url");
      this.timeline = new Timeline();
      this.mode = "recording";
      this.shown = this.trace && this.getAttribute("start") !== "empty" ? this.trace.events.length : 0;
      this.append(this.build());
      this.setMode(this.trace ? "recording" : "live");
    }

    disconnectedCallback() {
      clearTimeout(this.timer);
      if (this.live) this.live.stop();
    }

    build() {
      const title = (this.trace && this.trace.title) || LIVE;
      this.titleNode = make("p", { class: "wt-title" }, title);
      this.stateNode = make("p", { class: "wt-state", role: "status" });
      this.modes = {
        recording: button("Recording", () => this.setMode("recording")),
        live: button("Live", () => this.setMode("live")),
      };
      this.progress = make("span", { class: "wt-progress", role: "status" });
      this.playButton = button("Play", () => (this.timer ? this.pause() : this.play()), { class: "wt-button wt-main" });
      this.replayBar = make("div", { class: "wt-bar" }, this.playButton,
        button("Next", () => this.next()), button("Restart", () => this.restart()), this.progress);
      this.note = make("p", { class: "wt-note" });
      this.foot = make("p", { class: "wt-foot" });
      return make("div", { class: "wt", role: "group", "aria-label": `Wire inspector: ${title}` },
        make("div", { class: "wt-head" },
          this.titleNode, this.stateNode, make("p", { class: "wt-url" }, this.path)),
        make("div", { class: "wt-controls" },
          make("div", { class: "wt-bar wt-modes", role: "group", "aria-label": "What is shown" },
            this.trace ? this.modes.recording : null, isLocal() || !this.trace ? this.modes.live : null),
          this.replayBar, this.buildTarget()), this.buildForms(), this.note, this.timeline.node, this.foot);
    }

    buildTarget() {
      const name = `wire-trace-target-${(count += 1)}`;
      const target = (key, label) => make("label", { class: "wt-choice" },
        make("input", { type: "radio", name, value: key, checked: key === this.step }), label);
      this.targets = make("fieldset", { class: "wt-targets", on: { change: () => this.leave() } }, make("legend", { class: "wt-sr" }, "Connect to"),
        target(this.step, `step ${this.step}`), target("work", "my work folder"));
      this.connectButton = button("Connect", () => this.connect(), { class: "wt-button wt-main" });
      this.targetBar = make("div", { class: "wt-bar" }, this.targets, this.connectButton);
      return this.targetBar;
    }

    buildForms() {
      this.text = make("input", { type: "text", class: "wt-input", "aria-label": "Text to send", autocomplete: "off" });
      const send = JSON.parse(this.getAttribute("send") || "[]");
      this.text.value = send.length ? send[0] : "hi";
      const closing = this.trace && this.trace.events.find(isCall);
      const code = closing ? closing.label : "1000";
      this.code = make("input", { type: "number", class: "wt-input wt-code", "aria-label": "Close code", value: code });
      this.sendForm = make("form", { class: "wt-bar", on: { submit: (event) => {
        event.preventDefault();
        this.attempt((connection) => connection.send(this.text.value));
      } } }, this.text, make("button", { type: "submit", class: "wt-button" }, "Send"));
      this.closeForm = make("form", { class: "wt-bar", novalidate: true, on: { submit: (event) => {
        event.preventDefault();
        this.attempt((connection) => connection.close(...(this.code.value === "" ? [] : [Number(this.code.value)])));
      } } }, make("button", { type: "submit", class: "wt-button" }, "Close with"), this.code);
      this.forms = make("div", { class: "wt-forms" }, this.sendForm, this.closeForm);
      return this.forms;
    }

    setState(state, words) {
      this.stateNode.dataset.state = state;
      this.stateNode.textContent = words;
      const open = state === "open";
      for (const control of [...this.sendForm.elements, ...this.closeForm.elements]) control.disabled = !open;
    }

    setMode(mode) {
      if (mode === this.mode && this.live) return; // the connection there is goes on
      this.pause();
      this.mode = mode;
      for (const [name, node] of Object.entries(this.modes)) node.setAttribute("aria-pressed", String(name === mode));
      this.replayBar.hidden = mode !== "recording";
      this.targetBar.hidden = this.forms.hidden = mode !== "live";
      this.classList.toggle("wt-is-live", mode === "live");
      if (mode === "recording") {
        if (this.live) this.live.stop();
        this.live = null;
        this.setState("idle", "recording");
        const { versions = {}, folder, title } = this.trace;
        this.titleNode.textContent = title;
        const used = Object.entries(versions).map(([name, version]) => `${name} ${version}`).join(", ");
        this.foot.textContent = `Recorded from ${folder}${used ? ` with ${used}` : ""}.`;
        this.note.textContent = "";
        this.show(this.shown);
      } else {
        this.foot.textContent = "";
        this.titleNode.textContent = LIVE; // who was recorded had a cookie, a page or a token of their own
        this.timeline.empty.textContent = "No connection yet. Press Connect: the handshake comes first.";
        this.timeline.show([], Infinity);
        this.setState("idle", "not connected");
        this.note.textContent = isLocal() ? "" :
          `Live needs the course on your own machine: run ${COMMANDS} and open its docs at http://127.0.0.1:8080/.`;
        this.connectButton.disabled = !isLocal();
      }
    }

    /* -- The recording -- */

    show(number) {
      const { events } = this.trace;
      this.shown = number;
      this.timeline.show(events, number);
      const last = events[number - 1];
      this.progress.textContent = number === 0 ? `0 of ${events.length}: press Next` :
        number < events.length ? `${number} of ${events.length}: ${SIDES[last.side].toLowerCase()} ${word(last)}` :
        `all ${events.length} events`;
    }

    next() {
      this.pause();
      this.show(this.shown >= this.trace.events.length ? 1 : this.shown + 1);
      this.reveal();
    }

    restart() {
      this.pause();
      this.show(0);
    }

    play() {
      const { events } = this.trace;
      if (matchMedia("(prefers-reduced-motion: reduce)").matches) {
        this.show(events.length);
        return;
      }
      this.playButton.textContent = "Pause";
      const step = () => {
        this.show(this.shown + 1);
        this.reveal();
        if (this.shown >= events.length) return this.pause();
        const gap = events[this.shown].at - events[this.shown - 1].at;
        this.timer = setTimeout(step, Math.min(1200, Math.max(350, gap)));
      };
      if (this.shown >= events.length) this.show(0);
      this.timer = setTimeout(step, 200);
    }

    pause() {
      clearTimeout(this.timer);
      this.timer = null;
      this.playButton.textContent = "Play";
    }

    reveal() {
      this.timeline.list.children[this.shown - 1].scrollIntoView({ block: "nearest" });
    }

    /* -- Live -- */

    connect() {
      if (this.live) {
        this.live.stop();
        this.timeline.show([], Infinity);
      }
      const key = this.targets.querySelector(":checked").value;
      const port = portOf(key);
      const what = key === "work" ? "your work folder" : `step ${key}`;
      this.note.textContent = "";
      this.foot.textContent = "";
      const live = new Live({
        port, path: this.path, protocols: JSON.parse(this.getAttribute("protocols") || "[]"),
        changed: () => {
          if (!this.drawing) this.drawing = requestAnimationFrame(() => this.draw());
        },
        state: (name, words) => {
          if (live !== this.live) return;
          this.setLiveState(name, words);
          if (words === "not running") {
            this.note.textContent = `Nothing to inspect on ${location.hostname}:${port}, where ${what} should be. ` +
              (key === "work" ? `Make the folder: python3 -m course copy ${this.step} work. Then run ` : "Run ") +
              `${COMMANDS} and connect again.`;
          }
        },
      });
      this.live = live;
      this.setLiveState("connecting", "connecting");
    }

    /* Another target is another connection: the one there is must not pass for it. */
    leave() {
      if (!this.live || !this.connectButton.disabled) return;
      this.live.stop();
      this.live = null;
      this.setMode("live");
    }

    /* Draw what has come since the last time: once a frame, however fast it comes. */
    draw() {
      this.drawing = null;
      if (!this.live || !this.live.events.length) return;
      const { events, folder, port, note } = this.live;
      this.timeline.show(events, Infinity);
      this.timeline.node.scrollTop = this.timeline.node.scrollHeight;
      this.foot.textContent = [`Live from ${folder} on port ${port}.`,
        "A script does not see the headers of the answer: the recording has them.", note].filter(Boolean).join(" ");
    }

    setLiveState(name, words) {
      this.setState(name, words);
      this.connectButton.textContent = name === "closed" ? "Connect again" : "Connect";
      this.connectButton.disabled = name === "open" || name === "connecting";
    }

    attempt(action) {
      this.note.textContent = "";
      try {
        action(this.live.connection);
      } catch (error) {
        this.note.textContent = `The browser says: ${error.name}: ${error.message}`;
      }
    }
  }

  window.wireTrace = { openSocket, align };
  const start = () => customElements.define("wire-trace", WireTrace);
  if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", start);
  else start();
})();
