// The page: what is asked of it goes to the server, what the server answers is shown.

import * as api from "./api.js";
import { finding } from "./finding.js";
import { guiding } from "./guiding.js";
import { resultList } from "./history.js";
import { looking } from "./looking.js";
import { button, checkbox, isRefused, make, methodControls, panel, refuse, row, select, slider, swap } from "./panels.js";
import { sourcing } from "./sourcing.js";
import { starting } from "./starting.js";
import { Painter } from "./strokes.js";
import { KEYS, TOOLS, inUse, listKeys, listen, toolbar } from "./tools.js";
import { Viewer } from "./viewer.js";

const byId = (id) => document.getElementById(id);
const viewer = new Viewer(byId("view"), byId("beside"));
const SLOW = 400; // ms after which it is said that a stroke is at work
const brush = { size: 24, hardness: 1, strength: 1, pressure: true };
const grow = { pixels: 1 };
let tool = TOOLS[0];
let session = null;
let tolerance = 16;
let guide = null;
let queue = Promise.resolve(); // what is asked of the server goes one after the other, as it was done
let busy = 0;

function say(text, wrong = false) {
  byId("message").textContent = text;
  byId("message").classList.toggle("wrong", wrong);
}

/** Do something that the server answers; what it refuses is said. `after`: ms from which on it is said what is at work. */
async function doing(work, at_work = "", after = 0) {
  busy += 1;
  document.body.toggleAttribute("data-busy", true);
  let said = false;
  const tell = () => { say(at_work); said = true; };
  const timer = at_work && (after ? setTimeout(tell, after) : tell());
  try {
    const answer = await work();
    if (said) say("");
    return answer;
  } catch (error) {
    say(error.message, true);
    return null;
  } finally {
    clearTimeout(timer);
    busy -= 1;
    document.body.toggleAttribute("data-busy", busy > 0);
  }
}

/** Have a step done after those before it, and show what has become of the picture. */
function step(work, at_work, after) {
  queue = queue.then(() => doing(async () => {
    if (!session) return;
    await shown(await work());
  }, at_work, after));
  return queue;
}

let revision = 0;

async function shown(state) {
  if (!state) return;
  byId("undo").disabled = !state.canUndo;
  byId("redo").disabled = !state.canRedo;
  results.show(state.retouch);
  seeds = state.retouch.map(({ seed }) => seed ?? 0);
  const alone = state.revision === revision + 1;
  revision = state.revision;
  if (state.changed.marks.length) showMarks(true); // they were hidden when they had been restored
  guide.show(state);
  found.painted(state.painted);
  if (state.found) found.show(state.found);
  if (state.changed.picture.length) found.repaint();
  await viewer.changed(alone ? state.changed : viewer.whole()); // else another tab was at work
}

function showMarks(on) {
  viewer.showMarks(on);
  marksShown.set(on);
  if (session) sessionStorage.setItem(hidden(), on ? "" : "hidden");
}

/** Where it is kept, for a reload, that a session's marks are hidden. */
const hidden = () => `marks-${session.path}`;

// Opening, closing

async function open(asked, at_work) {
  const about = await doing(asked, at_work);
  if (!about) return;
  session = new api.Session(about);
  revision = about.revision;
  byId("name").textContent = `${about.name} · ${about.width} × ${about.height} · ${about.bits} bit`;
  document.title = `${about.name} – restauro`;
  document.body.dataset.state = "work";
  history.replaceState(null, "", `#${about.session}`);
  format.list.value = "";
  method.refuse(about.refused);
  refuse(byId("tool-source"), about.refused.heal);
  view.open(about);
  const wereHidden = sessionStorage.getItem(hidden()) === "hidden";
  await viewer.open(session);
  await shown({ ...about, revision: revision + 1 });
  revision = about.revision;
  setArea(null);
  showMarks(!wereHidden);
  found.open();
  source.open();
  choose("heal");
  if (about.notes.length) say(about.notes.join(" "));
}

function home() {
  if (session) session.close().catch(() => {});
  session = null;
  viewer.close();
  document.title = "restauro";
  document.body.dataset.state = "start";
  history.replaceState(null, "", "/");
  byId("name").textContent = byId("place").textContent = "";
  say("");
  start.show();
}

// Tools, strokes

function choose(name) {
  if (name === "source" && session?.about.refused.heal) return say(session.about.refused.heal, true);
  tool = TOOLS.find((one) => one.name === name);
  painter.cancel();
  for (const element of byId("tools").children) element.setAttribute("aria-pressed", String(element.id === `tool-${name}`));
  document.body.dataset.tool = name;
  const { shape, about } = inUse(tool);
  document.body.toggleAttribute("data-brush", shape === "brush");
  panels.brush.hidden = shape !== "brush";
  panels.source.hidden = tool.kind !== "source";
  const own = { source: panels.source, colour: panels.colour, guide: panels.guide, hint: panels.find, judge: panels.find }[tool.kind];
  if (own) own.open = true;
  strength.element.hidden = !tool.weighs;
  panels.colour.hidden = shape !== "place";
  if (tool.kind === "hint") found.teach();
  if (own && !isInSight(own)) own.scrollIntoView({ block: "nearest" });
  if (viewer.compare !== "none" && tool.paints) view.compare("none");
  if (session) say(about);
  return undefined;
}

/** Whether a part of a panel can be seen, which isn't to be moved then. */
function isInSight(element) {
  const [{ top, bottom }, side] = [element, byId("side")].map((one) => one.getBoundingClientRect());
  return bottom > side.top && top < side.bottom;
}

const painter = new Painter(viewer, byId("over"), {
  tool: () => inUse(tool),
  brush,
  done: send,
  picks: (alt) => tool.kind === "source" && source.picks(alt),
  picked: (x, y) => {
    if (tool.kind === "source") source.pick(x, y);
    else pickColour(x, y);
  },
  source: (cursor, start) => source.shown(cursor, start),
  moved: (x, y) => {
    byId("place").textContent = session ? `${Math.floor(x)}, ${Math.floor(y)}` : "";
  },
});

const pickColour = (x, y) => step(() => session.all("colour", { x: Math.max(x, 0), y: Math.max(y, 0), tolerance }), "Looking for the colour …");

/** Do with a stroke what its tool does. `away`: Alt was held; `click`: it is a place alone. */
function send(used, stroke, away = false, click = false) {
  if (used.kind === "heal") return step(() => session.heal(stroke, method.value()), "Healing …", SLOW);
  if (used.kind === "source") {
    const from = source.source(stroke.points[0]);
    if (!from) say("Alt-click the place to heal from first.", true);
    return from ? step(() => session.heal(stroke, method.value(), from), "Healing …", SLOW) : Promise.resolve();
  }
  if (used.kind === "judge") return step(() => session.judge({ area: stroke, left: click ? null : !away }));
  if (used.kind === "guide" && used.mode === "line") return step(() => session.line(stroke.points));
  if (used.modes) return step(() => session.paint(`${used.kind}s`, used.mode, stroke));
  if (used.kind === "area") {
    setArea(stroke);
    say("Only what is marked in this area is restored, and of results that part can be taken; Esc gives it up.");
    return Promise.resolve();
  }
  return step(() => session.mark(stroke, away ? "erase" : used.kind));
}

function setArea(stroke) {
  painter.area = stroke;
  results.area(stroke !== null);
  painter.draw();
}

function here() {
  const used = inUse(tool);
  if (used.shape === "corners") return painter.close();
  if (!session || !["place", "brush"].includes(used.shape)) return undefined;
  const [x, y] = viewer.toPicture(byId("view").clientWidth / 2, byId("view").clientHeight / 2);
  if (used.shape === "place") return pickColour(x, y);
  return send(used, { points: [[x, y, brush.size / 2]], shape: "brush", hardness: brush.hardness, strength: used.weighs ? brush.strength : 1 });
}

// Restoring

let job = null;
let grain = null;
let seeds = []; // seeds of the results there are; without chance it is 0

const nextSeed = () => Math.max(0, ...seeds) + 1;
const restoreMarked = (chance) => restore(() => session.restore(method.value(), painter.area, { grain, ...chance }));

let askedLast = 0;

/** Grey out what the method doesn't go with, as the server has it. */
async function tellRefusals() {
  const mine = (askedLast += 1);
  const why = await api.refusals({ ...method.value(), grain }).catch(() => null);
  if (!why || mine !== askedLast) return;
  matched.refuse(why.grain);
  refuse(variantsButton, why.variants);
}

async function restore(start) {
  if (!session || job) return;
  const bar = byId("progress");
  await step(async () => {
    ({ job } = await start());
    swap(restoreButton, running, cancelButton); // so that nothing moves
    bar.value = 0;
    try {
      const result = await api.follow(job, (fraction) => { bar.value = fraction; });
      say(result ? "" : "Cancelled: nothing has changed.");
      if (result) showMarks(false);
      return result;
    } finally {
      job = null;
      swap(running, restoreButton);
    }
  });
}

/** Have the server write a file, after what was done before, and give it to the browser to save. */
function save(path) {
  queue = queue.then(() => doing(async () => {
    say("Saving …");
    const { name, content } = await api.file(path);
    const link = make("a", { href: URL.createObjectURL(content), download: name });
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
    say(`Saved as ${name}.`);
  }));
}

// Panels

const opened = await api.start().catch((error) => { say(error.message, true); throw error; });
const method = methodControls(opened.methods, (chosen) => { guide?.tell(chosen); if (guide) tellRefusals(); });
const size = slider({ label: "Size", title: "The brush's diameter in pixels of the picture ([ and ])", minimum: 1, maximum: 1000, step: 1, value: brush.size, unit: "px", scale: "log", change: (value) => { brush.size = value; painter.draw(); } });
const hardness = slider({ label: "Hardness", title: "The share of the brush that covers wholly; the rest fades out", minimum: 0, maximum: 100, value: 100, unit: "%", change: (value) => { brush.hardness = value / 100; painter.draw(); } });
const strength = slider({ label: "Strength", title: "How much of a pixel is damage: less than all mixes what is there with what is filled in", minimum: 1, maximum: 100, value: 100, unit: "%", change: (value) => { brush.strength = value / 100; } });
const pressure = checkbox({ label: "Pen pressure sets the size", title: "With a pen that tells how hard it is pressed", checked: true, change: (value) => { brush.pressure = value; } });
const near = slider({ label: "Tolerance", title: "How far red, green and blue may each be from the colour that is clicked, of 255", minimum: 0, maximum: 128, value: tolerance, change: (value) => { tolerance = value; } });

const marksShown = checkbox({ label: "Show", title: "Show what is marked (M)", checked: true, change: (value) => showMarks(value) });
const markColour = select({ label: "Colour", title: "The colour in which marks are shown", value: "ff00c8", options: [["ff00c8", "magenta"], ["00e5ff", "cyan"], ["ffe600", "yellow"], ["ffffff", "white"]], change: (value) => viewer.setColour(value) });
const by = make("input", { type: "number", min: "1", max: "50", value: "1", title: "How far marks grow or shrink, in pixels", "aria-label": "Pixels to grow or shrink by", onchange: () => { grow.pixels = Math.min(Math.max(Math.round(by.valueAsNumber) || 1, 1), 50); by.value = String(grow.pixels); } });
const all = (action, title, label, values = () => ({})) => button({ label, title, press: () => step(() => session.all(action, values())) });
const maskFile = make("input", { type: "file", title: "Marks from a mask file: white is damage", onchange: () => {
  const [file] = maskFile.files;
  maskFile.value = "";
  if (file) step(() => session.load(file), "Reading the mask …");
} });
const saveMask = button({ label: "Save mask", title: "Save the marks as a mask: white is damage", press: () => save(session.marks) });

const restoreButton = button({ label: "Restore what is marked", title: "Fill all that is marked by the method above (Ctrl+Enter)", primary: true, press: () => restoreMarked() });
const variantsButton = button({ label: "4 variants", title: "Restore what is marked four times by chance, to choose: by PatchMatch, or with matched grain", press: () => restoreMarked({ seed: nextSeed(), variants: 4 }) });
const matched = checkbox({ label: "Match grain", title: "Give a smooth fill the grain of what surrounds it, as it is restored", change: (on) => { grain = on ? "match" : null; tellRefusals(); } });
const cancelButton = button({ label: "Cancel", title: "Stop; nothing changes", press: () => { if (job) api.cancel(job); } });
const running = row(make("progress", { id: "progress", max: "1", value: 0, "aria-label": "Restoring" }), cancelButton);
running.classList.add("running");
running.hidden = true;

const results = resultList({
  find: (box) => viewer.goTo(box),
  toggle: (number, visible) => step(() => session.switch(number, visible)),
  take: (number) => step(() => session.part(number, painter.area)),
  redo: (number) => restore(() => session.redoFrom(number)),
});
const fade = slider({ label: "Shown", title: "How much of what was restored is shown over the picture as it was; saving takes all of it", minimum: 0, maximum: 100, value: 100, unit: "%", change: (value) => viewer.setFade(value / 100) });

const start = starting({ open, doing });
const view = looking(viewer, byId("divider"), byId("tag"));
const found = finding(viewer, painter, { session: () => session, step, say, choose });
const source = sourcing(viewer, painter, { say, choose: () => choose("source") });
guide = guiding(viewer, painter, { session: () => session, step, choose });
guide.tell(method.method);
tellRefusals();

const format = select({ label: "Format", title: "In its own format the picture keeps all that its file holds", value: "", options: [["", "its own"], [".tif", "TIFF"], [".png", "PNG"], [".jpg", "JPEG"], [".webp", "WebP"]], change: () => {} });

const saveProject = button({ label: "Save project", title: "The picture with its marks, results and steps in one file, to go on with anywhere", press: () => save(session.project) });

const LAYERED = { ".ora": "OpenRaster", ".tif": "TIFF (Photoshop)" };
const layersKind = select({ label: "Layers", title: "OpenRaster for GIMP and Krita, TIFF for Photoshop and Affinity (needs psdtags: pip install 'restauro[layers]')", value: ".ora", options: opened.layers.map((ending) => [ending, LAYERED[ending]]), change: () => {} });
const saveLayers = button({ label: "Save layers", title: "The untouched picture, what was restored and the masks as layers, for other programs", press: () => save(`${session.layers}?ending=${layersKind.list.value}`) });
const layersFile = make("input", { type: "file", accept: ".ora,.tif,.tiff", title: "What was changed by hand in a layered file of this picture", onchange: () => {
  const [file] = layersFile.files;
  layersFile.value = "";
  if (file) step(() => session.loadLayers(file), "Reading the layers …");
} });
const loadLayers = make("label", { class: "file" }, layersFile, make("span", { title: "What was changed by hand in a layered file of this picture" }, "Load layers"));

const panels = {
  brush: panel("Brush", "brush", true, size.element, hardness.element, strength.element, pressure.element),
  source: panel("Heal from a source", "source", true, ...source.content),
  colour: panel("Mark by colour", "colour", true, near.element),
  method: panel("Method", "method", true, method.element),
  guide: panel("Guide", "guide", false, ...guide.content),
  find: panel("Find damage", "find", false, ...found.content),
  marks: panel("Marks", "marks", true, row(marksShown.element, markColour.element),
    row(all("grow", "Marks become larger on all sides", "Grow", () => grow), all("shrink", "Marks become smaller on all sides", "Shrink", () => grow), make("label", { class: "unit", title: "How far marks grow or shrink, in pixels" }, by, " px")),
    row(all("invert", "What is marked isn't, and what isn't is", "Invert"), all("clear", "Take all marks away", "Clear")),
    row(make("label", { class: "file" }, maskFile, make("span", { title: "Marks from a mask file: white is damage" }, "Load mask")), saveMask),
    matched.element, restoreButton, running, variantsButton),
  results: panel("Results", "results", true, fade.element, results.element),
  view: panel("View", "view", true, ...view.content),
  file: panel("File", "file", false, format.element, saveProject, layersKind.element, row(saveLayers, loadLayers), make("p", { class: "small" }, "What is done here is kept on this computer as it happens, for 30 days, and is there again after a reload.")),
};
byId("side").append(...Object.values(panels));

// Keys, buttons

const acts = {
  smaller: () => size.set(Math.max(Math.round(brush.size / 1.2), 1)),
  larger: () => size.set(Math.max(Math.round(brush.size * 1.2), brush.size + 1)),
  marks: () => showMarks(!viewer.marksShown),
  undo: () => step(() => session.undo()),
  redo: () => step(() => session.redo()),
  restore: () => restoreButton.click(),
  save: () => save(`${session.picture}${format.list.value ? `?ending=${format.list.value}` : ""}`),
  in: () => viewer.zoomBy(1.5),
  out: () => viewer.zoomBy(1 / 1.5),
  fit: () => viewer.fit(),
  pixels: () => viewer.zoomTo(1 / devicePixelRatio),
  twice: () => viewer.zoomTo(2 / devicePixelRatio),
  left: () => viewer.panBy(-80, 0),
  right: () => viewer.panBy(80, 0),
  up: () => viewer.panBy(0, -80),
  down: () => viewer.panBy(0, 80),
  here,
  slider: () => view.compare("slider"),
  difference: () => view.compare("difference"),
  escape: () => { painter.cancel(); setArea(null); if (viewer.compare !== "none") view.compare(viewer.compare); },
  help: () => {
    byId("keys").showModal();
    byId("keys").scrollTop = 0; // it begins where its button has the focus, at the end
  },
};
const holds = {
  panning: (down) => { painter.panning = down; document.body.toggleAttribute("data-panning", down); painter.draw(); },
  before: (down) => { if (viewer.compare === "none") viewer.setBefore(down); },
};
toolbar(byId("tools"), choose);
addEventListener("click", (event) => { // what is greyed out does nothing, and says why
  const pressed = event.target.closest?.("button, label, input");
  const control = pressed?.control ?? pressed;
  if (!control || !isRefused(control)) return;
  event.preventDefault();
  event.stopPropagation();
  say(control.title, true);
}, true);
listKeys(byId("keys").querySelector("dl"), KEYS);
listen((run) => { if (session || run === "help") acts[run](); }, (what, down) => { if (session) holds[what](down); }, (name) => { if (session) choose(name); });

byId("undo").onclick = acts.undo;
byId("redo").onclick = acts.redo;
byId("zoom-in").onclick = acts.in;
byId("zoom-out").onclick = acts.out;
byId("save").onclick = acts.save;
byId("fit").onclick = acts.fit;
byId("pixels").onclick = acts.pixels;
byId("help").onclick = acts.help;
byId("home").onclick = home;
byId("panels").onclick = () => {
  const open = document.body.toggleAttribute("data-panels");
  byId("panels").setAttribute("aria-expanded", String(open));
};
byId("theme").onclick = () => theme(document.documentElement.dataset.theme === "light" ? "dark" : "light");
viewer.addEventListener("moved", () => { byId("zoom").textContent = `${Math.round(viewer.scale * devicePixelRatio * 100)} %`; });

function theme(name) {
  document.documentElement.dataset.theme = name;
  localStorage.setItem("theme", name);
}

theme(localStorage.getItem("theme") ?? (matchMedia("(prefers-color-scheme: light)").matches ? "light" : "dark"));
document.body.toggleAttribute("data-panels", innerWidth > 760);

await start.show();
choose("heal");
const asked = location.hash.slice(1);
if (opened.sessions.some(({ session: number }) => number === asked)) await open(() => api.openSession(asked), "Opening …");
else if (opened.given) await open(api.openGiven, `Opening ${opened.given} …`);
document.body.dataset.ready = "";
