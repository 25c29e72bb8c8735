// The tools, and every key that does something.

export const TOOLS = [
  { name: "heal", kind: "heal", title: "Heal", key: "h", paints: true, shape: "brush", about: "Paint over damage: it is restored when you lift the pen" },
  { name: "source", kind: "source", title: "Heal from a source", key: "j", paints: true, shape: "brush", about: "Alt-click what is like it and intact, then paint over damage: it gets that place's detail and its own tone" },
  { name: "mark", kind: "add", title: "Mark", key: "b", paints: true, shape: "brush", weighs: true, about: "Paint marks over damage, to restore all of it together" },
  { name: "erase", kind: "erase", title: "Erase marks", key: "e", paints: true, shape: "brush", weighs: true, about: "Paint marks away" },
  { name: "lasso", kind: "add", title: "Lasso", key: "l", paints: true, shape: "lasso", about: "Draw around damage to mark it" },
  { name: "polygon", kind: "add", title: "Polygon", key: "p", paints: true, shape: "corners", about: "Click corners around damage; Enter or a double click closes it" },
  { name: "rectangle", kind: "add", title: "Rectangle", key: "r", paints: true, shape: "rectangle", about: "Drag a rectangle over damage to mark it" },
  { name: "colour", kind: "colour", title: "Mark by colour", key: "c", paints: true, shape: "place", about: "Click a colour: everything like it is marked" },
  { name: "judge", kind: "judge", title: "Judge what is found", key: "f", paints: true, shape: "lasso", clicks: true, about: "Click a mark that is proposed to leave it out, or draw around several; with Alt they are taken again" },
  { name: "area", kind: "area", title: "Area", key: "a", paints: true, shape: "lasso", about: "Draw around a part of the picture: only what is marked there is restored, or that part of a result taken" },
  { name: "guide", kind: "guide", title: "Guide", key: "g", paints: true, modes: {
    sources: { label: "Allowed", shape: "brush", colour: "#3c8cff", about: "Paint where texture may come from, and from nowhere else (PatchMatch)" },
    avoid: { label: "Forbidden", shape: "brush", colour: "#ff3c28", about: "Paint where texture mustn't come from (PatchMatch)" },
    line: { label: "Line", shape: "line", about: "Draw an edge across damage, from what is intact to what is intact: it goes on there" },
    erase: { label: "Erase", shape: "brush", colour: "#4a4a4a", about: "Paint away what is allowed or forbidden" },
  } },
  { name: "hint", kind: "hint", title: "Hints", key: "n", paints: true, modes: {
    damage: { label: "Damage", shape: "brush", colour: "#ff3c28", about: "Paint over some damage: what looks like it is found" },
    sound: { label: "Sound", shape: "brush", colour: "#28c85a", about: "Paint over some of what is intact and must not be found" },
    erase: { label: "Erase", shape: "brush", colour: "#4a4a4a", about: "Paint hints away" },
  } },
  { name: "pan", kind: "pan", title: "Move", key: "v", paints: false, shape: "", about: "Drag to move the picture (any tool: hold the space bar, or use two fingers)" },
];

for (const tool of TOOLS) if (tool.modes) tool.mode = Object.keys(tool.modes)[0];

/** A tool as it is used: with what its mode says, if it has several. */
export const inUse = (tool) => (tool.modes ? { ...tool, ...tool.modes[tool.mode] } : tool);

/** Keys: what they do, in words; `held` ones act while they are down. */
export const KEYS = [
  ...TOOLS.map((tool) => ({ keys: [tool.key], does: tool.title, tool: tool.name })),
  { keys: ["["], does: "Smaller brush", run: "smaller" },
  { keys: ["]"], does: "Larger brush", run: "larger" },
  { keys: ["Space"], does: "Move the picture, while it is held", held: "panning" },
  { keys: ["Alt"], does: "Take marks away, while it is held and an area is begun; set the source to heal from", held: "away" },
  { keys: ["o"], does: "See the picture as it was, while it is held", held: "before" },
  { keys: ["m"], does: "Show or hide the marks", run: "marks" },
  { keys: ["Ctrl+Z"], does: "Undo", run: "undo" },
  { keys: ["Ctrl+Shift+Z", "Ctrl+Y"], does: "Redo", run: "redo" },
  { keys: ["Ctrl+Enter"], does: "Restore what is marked", run: "restore" },
  { keys: ["Ctrl+S"], does: "Save the picture", run: "save" },
  { keys: ["+", "="], does: "Zoom in", run: "in" },
  { keys: ["-"], does: "Zoom out", run: "out" },
  { keys: ["0"], does: "The whole picture", run: "fit" },
  { keys: ["1"], does: "Pixel for pixel", run: "pixels" },
  { keys: ["2"], does: "Twice as large", run: "twice" },
  { keys: ["ArrowLeft"], does: "Move the view left", run: "left" },
  { keys: ["ArrowRight"], does: "Move the view right", run: "right" },
  { keys: ["ArrowUp"], does: "Move the view up", run: "up" },
  { keys: ["ArrowDown"], does: "Move the view down", run: "down" },
  { keys: ["Enter"], does: "Heal or mark in the middle of the view; close a polygon", run: "here" },
  { keys: ["s"], does: "Compare by a slider", run: "slider" },
  { keys: ["d"], does: "Show what was changed", run: "difference" },
  { keys: ["Escape"], does: "Leave a stroke, a comparison, an area", run: "escape" },
  { keys: ["?"], does: "These shortcuts", run: "help" },
];

const NAMES = { ArrowLeft: "←", ArrowRight: "→", ArrowUp: "↑", ArrowDown: "↓", Escape: "Esc" };

/** Listen to the keyboard; `act(run)` does what a key says, `hold(what, down)` what a held one does. */
export function listen(act, hold, choose) {
  const named = (event) => {
    const key = event.key === " " ? "Space" : event.key.length === 1 ? event.key.toLowerCase() : event.key;
    const control = event.ctrlKey || event.metaKey;
    if (!control) return key;
    return `Ctrl+${event.shiftKey ? "Shift+" : ""}${key.length === 1 ? key.toUpperCase() : key}`;
  };
  document.addEventListener("keydown", (event) => {
    if (document.querySelector("dialog[open]") || event.altKey || event.key === "Alt") return;
    const target = event.target;
    const types = target.matches("input:not([type=range],[type=checkbox],[type=radio],[type=file]), select, textarea");
    const name = named(event);
    const entry = KEYS.find(({ keys }) => keys.includes(name));
    if (!entry || types) return;
    const control = target.matches("button, a, summary, label, input");
    if (control && ["Space", "Enter"].includes(name)) return;
    if (target.matches("input[type=range], [role=toolbar] *") && name.startsWith("Arrow")) return;
    event.preventDefault();
    if (entry.tool) choose(entry.tool);
    else if (entry.held) hold(entry.held, true);
    else act(entry.run);
  });
  document.addEventListener("keyup", (event) => {
    const entry = KEYS.find(({ keys, held }) => held && held !== "away" && keys.includes(named(event)));
    if (entry) hold(entry.held, false);
  });
  window.addEventListener("blur", () => KEYS.filter(({ held }) => held && held !== "away").forEach(({ held }) => hold(held, false)));
}

/** Fill a list of terms with all keys. */
export function listKeys(list) {
  for (const { keys, does } of KEYS) {
    const term = document.createElement("dt");
    keys.forEach((key, k) => {
      if (k) term.append(" or ");
      const cap = document.createElement("kbd");
      cap.textContent = key.length === 1 ? key.toUpperCase() : key.split("+").map((part) => NAMES[part] ?? part).join(" ");
      term.append(cap);
    });
    const text = document.createElement("dd");
    text.textContent = does;
    list.append(term, text);
  }
}

/** Fill a toolbar with the tools; arrow keys go from one to the next. */
export function toolbar(element, choose) {
  for (const tool of TOOLS) {
    const button = document.createElement("button");
    button.id = `tool-${tool.name}`;
    button.title = `${tool.title} (${tool.key.toUpperCase()}): ${inUse(tool).about}`;
    button.setAttribute("aria-label", tool.title);
    button.setAttribute("aria-pressed", "false");
    button.innerHTML = `<svg aria-hidden="true"><use href="icons.svg#${tool.name}"/></svg>`;
    button.addEventListener("click", () => choose(tool.name));
    element.append(button);
  }
  element.addEventListener("keydown", (event) => {
    const step = { ArrowDown: 1, ArrowRight: 1, ArrowUp: -1, ArrowLeft: -1 }[event.key];
    if (!step) return;
    event.preventDefault();
    const buttons = [...element.children];
    buttons[(buttons.indexOf(document.activeElement) + step + buttons.length) % buttons.length].focus();
  });
}
