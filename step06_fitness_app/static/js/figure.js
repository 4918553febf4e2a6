// Eight points of a body as a stick figure in an SVG, in the middle of it and as large as fits.

const POINTS = ["shoulder", "hip", "knee", "ankle"].flatMap((joint) => [`left ${joint}`, `right ${joint}`]);
const BONES = [[0, 1], [2, 3], [0, 2], [1, 3], [2, 4], [4, 6], [3, 5], [5, 7]];
const SIZE = 100; // of the drawing
const TALL = 60; // shoulders to feet, standing
const FEET = 85;

// Where the points are in the drawing. `view`: where the feet were, and a scale; null: take it from
// these points, as of somebody who stands.
export function fit(points, view, aspect = 16 / 9) {
  const xs = points.map(([x]) => x * aspect);
  const ys = points.map(([, y]) => y);
  const top = (ys[0] + ys[1]) / 2;
  const feet = { x: (xs[6] + xs[7]) / 2, y: (ys[6] + ys[7]) / 2 };
  const height = feet.y - top;
  const own = { ...feet, scale: TALL / height };
  const isFar = !view || Math.abs(feet.x - view.x) > height / 4 || Math.abs(feet.y - view.y) > height / 4;
  // Crouching, one is smaller: only who is larger than the drawing, or much smaller, is drawn anew.
  const isOdd = !view || own.scale < view.scale * 0.9 || own.scale > view.scale * 3;
  const used = isFar || isOdd ? own : view;
  const placed = xs.map((x, at) => [SIZE / 2 + (x - used.x) * used.scale, FEET + (ys[at] - used.y) * used.scale]);
  return { view: used, placed };
}

export class Figure {
  #svg;
  #view = null;
  #bones;
  #joints;
  #head;

  constructor(svg) {
    this.#svg = svg;
    this.#bones = BONES.map(([one, other]) => this.#add("line", one % 2 === 0 && other % 2 === 0 ? "left" : ""));
    this.#joints = POINTS.map((_, at) => this.#add("circle", at % 2 ? "joint" : "joint left", { r: 1.8 }));
    this.#head = this.#add("circle", "head", { r: 6 });
    this.#svg.style.visibility = "hidden";
  }

  draw(points, isVisible = true) {
    const { view, placed } = fit(points, this.#view);
    if (!Number.isFinite(view.scale)) return; // all in one spot: no body
    this.#view = view;
    this.#svg.style.visibility = "visible";
    this.#svg.dataset.visible = String(isVisible);
    BONES.forEach(([one, other], at) => {
      const [[x1, y1], [x2, y2]] = [placed[one], placed[other]];
      set(this.#bones[at], { x1, y1, x2, y2 });
    });
    placed.forEach(([cx, cy], at) => set(this.#joints[at], { cx, cy }));
    const [[ax, ay], [bx, by]] = placed;
    set(this.#head, { cx: (ax + bx) / 2, cy: (ay + by) / 2 - 10 });
  }

  #add(name, className, attributes = {}) {
    const element = document.createElementNS("http://www.w3.org/2000/svg", name);
    if (className) element.setAttribute("class", className);
    set(element, attributes);
    return this.#svg.appendChild(element);
  }
}

function set(element, attributes) {
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, typeof value === "number" ? value.toFixed(2) : value);
}
