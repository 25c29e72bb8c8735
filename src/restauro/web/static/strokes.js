// Strokes as they are painted: from the pen to vectors in the picture's pixels, and their preview until the server has
// drawn them by its rule.

const NEARBY = 5; // pixels of the screen: a click means what is so near
const NEAR = 1 / 6; // of the radius: points closer together say nothing more

/** Listens to pointers over the picture and paints with the tool that is chosen. */
export class Painter {
  /**
   * @param viewer   where it is painted
   * @param canvas   lies over the picture, for previews and the brush's outline
   * @param options  `tool()`: the tool in use; `brush`: size, hardness, strength, pressure; `done(tool, stroke)`: a
   *                 stroke ended, resolves when it is shown; `picked(x, y)`: a place was chosen
   */
  constructor(viewer, canvas, options) {
    this.viewer = viewer;
    this.canvas = canvas;
    this.options = options;
    this.pending = new Set();
    this.points = null;
    this.cursor = null;
    this.panning = false; // the space bar is held
    this.area = null; // what alone is to be restored
    this.lines = []; // that go on across damage: points [x, y]
    this.frames = []; // boxes [left, top, right, bottom] that are outlined
    const { osd } = viewer;
    osd.addHandler("canvas-press", (event) => this.#press(event));
    osd.addHandler("canvas-drag", (event) => this.#drag(event));
    osd.addHandler("canvas-drag-end", (event) => { if (this.#paints) event.preventDefaultAction = true; });
    osd.addHandler("canvas-release", (event) => this.#release(event));
    osd.addHandler("canvas-double-click", () => this.#close());
    osd.addHandler("canvas-pinch", () => this.cancel());
    osd.container.addEventListener("pointermove", (event) => this.#hover(event));
    osd.container.addEventListener("pointerleave", () => { this.cursor = null; this.draw(); });
    viewer.addEventListener("moved", () => this.draw());
    new ResizeObserver(() => this.draw()).observe(canvas);
  }

  get #paints() {
    return this.options.tool().paints && !this.panning;
  }

  #point(position, event) {
    const [x, y] = this.viewer.toPicture(position.x, position.y);
    const { size, pressure } = this.options.brush;
    const share = pressure && event?.pointerType === "pen" ? Math.max(event.pressure, 0.05) : 1;
    return [round(x), round(y), round(Math.max((size / 2) * share, 0.5))];
  }

  #press({ position, originalEvent }) {
    if (!this.viewer.session || !this.#paints || originalEvent.button > 0) return;
    const tool = this.options.tool();
    const point = this.#point(position, originalEvent);
    this.away = originalEvent.altKey; // marks are taken away
    if (tool.shape === "place" || this.options.picks?.(this.away)) this.options.picked(point[0], point[1]);
    else if (tool.shape === "corners") this.points = [...(this.points ?? []), point];
    else this.points = [point];
    this.draw();
  }

  #drag(event) {
    if (!this.#paints) return;
    event.preventDefaultAction = true;
    if (!this.points) return;
    const tool = this.options.tool();
    const [left, top] = offset(this.viewer.osd.container);
    const { originalEvent } = event;
    const moves = originalEvent.getCoalescedEvents?.() ?? [];
    for (const move of moves.length ? moves : [originalEvent]) {
      const point = this.#point({ x: move.clientX - left, y: move.clientY - top }, move);
      if (tool.shape === "rectangle") this.points = [this.points[0], point];
      else if (tool.shape !== "corners") this.#add(point);
    }
    this.#hover(originalEvent);
  }

  #add(point) {
    const last = this.points.at(-1);
    const least = this.options.tool().shape === "brush" ? Math.max(point[2] * NEAR, 0.35) : 0.7;
    if (Math.hypot(point[0] - last[0], point[1] - last[1]) >= least) this.points.push(point);
  }

  #release() {
    const tool = this.options.tool();
    if (!this.points || tool.shape === "corners" || tool.shape === "place") return;
    const points = this.points;
    this.points = null;
    if (tool.shape === "rectangle") {
      if (points.length < 2) return void this.draw();
      const [[x, y], [x2, y2]] = points;
      this.#send([[x, y, 0], [x2, y, 0], [x2, y2, 0], [x, y2, 0]]);
    } else if (tool.shape === "line") {
      const [simple, last] = [simplified(points.map(([x, y]) => [x, y])), points.at(-1)];
      if (simple.length > 1 && Math.hypot(last[0] - points[0][0], last[1] - points[0][1]) >= 1) this.#send(simple);
      else this.draw();
    } else if (tool.shape === "lasso") {
      if (points.length > 2) this.#send(points.map(([x, y]) => [x, y, 0]));
      else if (tool.clicks) this.#send([[points[0][0], points[0][1], Math.max(NEARBY / this.viewer.scale, 0.5)]], true);
      else this.draw();
    } else this.#send(points);
  }

  /** Close the polygon whose corners were clicked. */
  #close() {
    if (this.options.tool().shape !== "corners" || !this.points) return;
    const points = this.points.map(([x, y]) => [x, y, 0]).filter(([x, y], k, all) => !k || x !== all[k - 1][0] || y !== all[k - 1][1]);
    this.points = null;
    if (points.length > 2) this.#send(points);
    else this.draw();
  }

  close() {
    this.#close();
  }

  /** Forget the stroke that is being painted. */
  cancel() {
    this.points = null;
    this.draw();
  }

  async #send(points, click = false) {
    const tool = this.options.tool();
    const { hardness, strength } = click ? { hardness: 1, strength: 1 } : this.options.brush;
    const brush = tool.shape === "brush" || click;
    const stroke = tool.shape === "line" ? { points, shape: "line" } : { points, shape: brush ? "brush" : "polygon", hardness: brush ? hardness : 1, strength: tool.weighs ? strength : 1 };
    const waiting = { stroke, tool };
    this.pending.add(waiting);
    this.draw();
    try {
      await this.options.done(tool, stroke, this.away, click);
    } finally {
      this.pending.delete(waiting);
      this.draw();
    }
  }

  #hover(event) {
    const [left, top] = offset(this.viewer.osd.container);
    this.cursor = [event.clientX - left, event.clientY - top];
    this.options.moved?.(...this.viewer.toPicture(...this.cursor));
    this.draw();
  }

  /** Draw the previews and the brush's outline, once a frame. */
  draw() {
    this.frame ??= requestAnimationFrame(() => {
      this.frame = null;
      this.#paint();
    });
  }

  #paint() {
    const ratio = window.devicePixelRatio || 1;
    const { clientWidth: width, clientHeight: height } = this.canvas;
    if (this.canvas.width !== Math.round(width * ratio)) this.canvas.width = Math.round(width * ratio);
    if (this.canvas.height !== Math.round(height * ratio)) this.canvas.height = Math.round(height * ratio);
    const ink = this.canvas.getContext("2d");
    ink.setTransform(ratio, 0, 0, ratio, 0, 0);
    ink.clearRect(0, 0, width, height);
    if (!this.viewer.session) return;
    for (const { stroke, tool } of this.pending) this.#trace(ink, stroke.points, stroke.shape === "polygon" ? "area" : stroke.shape, tool);
    const tool = this.options.tool();
    if (this.points) this.#trace(ink, this.points, tool.shape, tool);
    if (this.area) this.#outline(ink, this.area.points, true);
    for (const points of this.lines) guide(ink, points.map(([x, y]) => this.viewer.toScreen(x, y)));
    for (const [left, top, right, bottom] of this.frames) this.#outline(ink, [[left, top], [right, top], [right, bottom], [left, bottom]], true);
    if (this.cursor && this.#paints && tool.shape === "brush") this.#ring(ink);
    const source = this.cursor && tool.kind === "source" && this.options.source(this.viewer.toPicture(...this.cursor), this.points?.[0]);
    if (source) cross(ink, this.viewer.toScreen(...source));
    if (this.points && tool.shape === "corners" && this.cursor) {
      const [x, y] = this.viewer.toScreen(...this.points.at(-1));
      line(ink, [[x, y], this.cursor]);
    }
  }

  #trace(ink, points, shape, tool) {
    const screen = points.map(([x, y]) => this.viewer.toScreen(x, y));
    if (shape === "rectangle" && points.length > 1) {
      const [[x, y], [x2, y2]] = screen;
      return this.#outline(ink, null, true, [[x, y], [x2, y], [x2, y2], [x, y2]]);
    }
    if (shape === "line") return guide(ink, screen);
    if (shape !== "brush") return this.#outline(ink, null, shape !== "corners", screen);
    ink.globalAlpha = 0.5;
    ink.strokeStyle = ink.fillStyle = tool.colour ? tool.colour : ["heal", "source"].includes(tool.kind) ? "#f4f4f4" : tool.kind === "erase" ? "#4a4a4a" : `#${this.viewer.colour}`;
    ink.lineCap = ink.lineJoin = "round";
    ink.beginPath();
    const radius = (k) => Math.max(points[k][2] * this.viewer.scale, 0.5);
    if (screen.length === 1) {
      ink.arc(...screen[0], radius(0), 0, 7);
      ink.fill();
    } else if (points.every((point) => point[2] === points[0][2])) {
      ink.lineWidth = 2 * radius(0);
      ink.moveTo(...screen[0]);
      for (const place of screen.slice(1)) ink.lineTo(...place);
      ink.stroke();
    } else {
      screen.forEach((place, k) => { ink.moveTo(place[0] + radius(k), place[1]); ink.arc(...place, radius(k), 0, 7); });
      ink.fill();
    }
    ink.globalAlpha = 1;
    return undefined;
  }

  #outline(ink, points, closed, screen = points.map(([x, y]) => this.viewer.toScreen(x, y))) {
    line(ink, closed ? [...screen, screen[0]] : screen);
  }

  #ring(ink) {
    const { size, hardness } = this.options.brush;
    const radius = Math.max((size / 2) * this.viewer.scale, 1);
    for (const [share, colour] of [[1, "#000"], [1, "#fff"], ...(hardness < 1 ? [[hardness, "#fff"]] : [])]) {
      ink.strokeStyle = colour;
      ink.globalAlpha = share < 1 ? 0.5 : 0.9;
      ink.lineWidth = colour === "#000" ? 2.5 : 1;
      ink.beginPath();
      ink.arc(...this.cursor, Math.max(radius * share, 0.5), 0, 7);
      ink.stroke();
    }
    if (radius < 4) line(ink, [[this.cursor[0] - 7, this.cursor[1]], [this.cursor[0] + 7, this.cursor[1]]], 0.6);
    ink.globalAlpha = 1;
  }
}

function line(ink, places, alpha = 0.95) {
  if (places.length < 2) return;
  for (const [colour, dash] of [["#000", []], ["#fff", [5, 4]]]) {
    ink.globalAlpha = alpha;
    ink.strokeStyle = colour;
    ink.lineWidth = 1.2;
    ink.setLineDash(dash);
    ink.beginPath();
    ink.moveTo(...places[0]);
    for (const place of places.slice(1)) ink.lineTo(...place);
    ink.stroke();
  }
  ink.setLineDash([]);
  ink.globalAlpha = 1;
}

/** Draw a line that goes on across damage. */
function guide(ink, places) {
  if (places.length < 2) return;
  ink.lineCap = ink.lineJoin = "round";
  for (const [width, colour] of [[4.5, "#000"], [2.5, "#5ab0ff"]]) {
    ink.globalAlpha = 0.9;
    ink.lineWidth = width;
    ink.strokeStyle = colour;
    ink.beginPath();
    ink.moveTo(...places[0]);
    for (const place of places.slice(1)) ink.lineTo(...place);
    ink.stroke();
  }
  ink.globalAlpha = 1;
}

/** Draw a cross where a stroke is healed from. */
function cross(ink, [x, y]) {
  line(ink, [[x - 9, y], [x + 9, y]]);
  line(ink, [[x, y - 9], [x, y + 9]]);
}

/** Leave points out of a line [x, y] that lie within a pixel of it without them (Douglas and Peucker). */
function simplified(points) {
  if (points.length < 3) return points;
  const [[x, y], [x2, y2]] = [points[0], points.at(-1)];
  const length = Math.hypot(x2 - x, y2 - y);
  const away = points.map(([px, py]) => (length ? Math.abs((x2 - x) * (y - py) - (x - px) * (y2 - y)) / length : Math.hypot(px - x, py - y)));
  const far = away.indexOf(Math.max(...away));
  if (away[far] <= 1) return [points[0], points.at(-1)];
  return [...simplified(points.slice(0, far + 1)), ...simplified(points.slice(far)).slice(1)];
}

function offset(element) {
  const { left, top } = element.getBoundingClientRect();
  return [left, top];
}

const round = (value) => Math.round(value * 64) / 64; // as the server's rule has it
