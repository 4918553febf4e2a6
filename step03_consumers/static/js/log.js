// A list of what happened on a connection, newest last; the signs are those of the whole course.

const SIGNS = { connect: "▷", open: "✓", send: "↑", message: "↓", close: "■", "close()": "■", error: "✕" };
const MOST = 200; // entries kept

export class Log {
  constructor(list) {
    this.list = list;
    this.started = performance.now();
  }

  // One line: a sign, the name, the milliseconds since the connection was asked for, properties.
  add(name, properties = {}) {
    if (name === "connect") this.started = performance.now();
    const item = document.createElement("li");
    item.dataset.event = name;
    const sign = part("span", "sign", SIGNS[name] ?? "·");
    sign.ariaHidden = "true";
    item.append(sign, part("strong", "name", name), " ");
    item.append(part("span", "at", `${Math.round(performance.now() - this.started)} ms`));
    for (const [key, value] of Object.entries(properties)) {
      const property = part("span", "property", `${key}: `);
      const code = part("code", "", "…");
      if (value instanceof Promise) value.then((text) => { code.textContent = text; });
      else code.textContent = value && typeof value === "string" ? value : JSON.stringify(value);
      property.append(code);
      item.append(" ", property);
    }
    const atEnd = this.list.scrollHeight - this.list.scrollTop - this.list.clientHeight < 40;
    this.list.append(item);
    while (this.list.children.length > MOST) this.list.firstElementChild.remove();
    if (atEnd) this.list.scrollTop = this.list.scrollHeight;
  }

  clear() {
    this.list.replaceChildren();
  }
}

function part(tag, className, text) {
  const element = document.createElement(tag);
  if (className) element.className = className;
  element.textContent = text;
  return element;
}
