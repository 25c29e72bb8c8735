// The panels at the side: small controls with a label and a tooltip each, and what they are made of.

/** Make an element: attributes by name, then what stands in it. */
export function make(tag, attributes = {}, ...content) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name in element && typeof value !== "string") element[name] = value;
    else element.setAttribute(name, value);
  }
  element.append(...content);
  return element;
}

let count = 0;

/** A slider with a number beside it. `scale` "log" makes small values as easy as large ones. */
export function slider({ label, title, minimum, maximum, step = 1, value, unit = "", scale = "linear", change }) {
  const id = `control-${(count += 1)}`;
  const log = scale === "log";
  const toRange = (number) => (log ? (1000 * Math.log(number / minimum)) / Math.log(maximum / minimum) : number);
  const fromRange = (number) => {
    const found = log ? minimum * (maximum / minimum) ** (number / 1000) : number;
    return Math.min(Math.max(Math.round(found / step) * step, minimum), maximum);
  };
  const digits = String(step).split(".")[1]?.length ?? 0;
  const range = make("input", { type: "range", id, title, min: String(log ? 0 : minimum), max: String(log ? 1000 : maximum), step: String(log ? 1 : step) });
  const number = make("input", { type: "number", title, "aria-label": `${label}, as a number`, min: String(minimum), max: String(maximum), step: "any" });
  const show = (found) => {
    range.value = toRange(found);
    range.setAttribute("aria-valuetext", `${found.toFixed(digits)} ${unit}`);
    number.value = found.toFixed(digits);
  };
  const set = (found, quiet = false) => {
    api.value = Math.min(Math.max(found, minimum), maximum);
    show(api.value);
    if (!quiet) change(api.value);
  };
  range.addEventListener("input", () => set(fromRange(Number(range.value))));
  number.addEventListener("change", () => set(Number.isFinite(number.valueAsNumber) ? number.valueAsNumber : api.value));
  range.addEventListener("dblclick", () => set(value));
  const element = make("div", { class: "slider" }, make("label", { for: id, title }, label), number, make("span", { class: "unit" }, unit), range);
  const api = { element, set, value };
  show(value);
  return api;
}

export function checkbox({ label, title, checked = false, change }) {
  const box = make("input", { type: "checkbox", title, checked, onchange: () => { checked = box.checked; change(checked); } });
  const element = make("label", { class: "check", title }, box, label);
  return {
    element,
    set: (value) => { checked = value; box.checked = value && !isRefused(box); },
    /** Grey it out and take the tick away, which comes back with no reason; see `refuse`. */
    refuse: (why) => {
      refuse(box, why);
      element.title = box.title;
      if (box.checked === (checked && !why)) return;
      box.checked = checked && !why;
      change(box.checked);
    },
  };
}

export function select({ label, title, options, value, change }) {
  const id = `control-${(count += 1)}`;
  const list = make("select", { id, title, onchange: () => change(list.value) });
  for (const [name, text] of options) list.append(make("option", { value: name }, text));
  list.value = value;
  return { element: make("div", { class: "select" }, make("label", { for: id, title }, label), list), list };
}

export function button({ label, title, press, primary = false }) {
  return make("button", { type: "button", title, ...(primary ? { class: "primary" } : {}), onclick: press }, label);
}

/** Grey a control out, with the reason as its tooltip; it keeps the focus. No reason: it may be used. */
export function refuse(element, why) {
  element.dataset.title ??= element.title;
  element.title = why ?? element.dataset.title;
  element.setAttribute("aria-disabled", String(Boolean(why)));
}

export const isRefused = (element) => element.getAttribute("aria-disabled") === "true";

export function panel(title, name, open, ...content) {
  const element = make("details", { class: "panel", id: `panel-${name}` }, make("summary", { title: `Open or close: ${title}` }, title), make("div", { class: "inside" }, ...content));
  element.open = open;
  return element;
}

/** Put one element in the place of another, with the keyboard's focus if that had it. */
export function swap(away, here, focus = here) {
  const had = away.contains(document.activeElement);
  away.hidden = true;
  here.hidden = false;
  if (had) focus.focus();
}

export function row(...content) {
  return make("div", { class: "row" }, ...content);
}

/** The menu of methods with the parameters of the one that is chosen; `value()` is what the server wants to know, and `told` is called with the method when that has changed. */
export function methodControls(methods, told = () => {}) {
  const chosen = {};
  let method = methods.find((one) => one.default);
  const summary = make("p", { class: "small" });
  const inner = make("div");
  const parameters = make("details", { class: "parameters" }, make("summary", { title: "How the method works in detail" }, "Parameters"), inner);
  const show = () => {
    summary.textContent = method.summary;
    chosen[method.name] ??= {};
    const values = chosen[method.name];
    inner.replaceChildren(...method.parameters.map((parameter) => control(parameter, values, () => told(method))));
    parameters.hidden = !method.parameters.length;
    told(method);
  };
  const pick = (name) => { method = methods.find((one) => one.name === name); show(); };
  const menu = select({
    label: "Method", title: "How damage is filled, by healing and restoring alike", value: method.name,
    options: methods.map(({ name, title }) => [name, title]),
    change: pick,
  });
  show();
  menu.element.classList.add("wide");
  return {
    element: make("div", {}, menu.element, summary, parameters),
    get method() { return method; },
    /** Grey out what isn't allowed, `refused` says why by name; another is chosen in place of such a one. */
    refuse: (refused) => {
      for (const option of menu.list.options) {
        option.disabled = option.value in refused;
        option.title = refused[option.value] ?? "";
      }
      if (!(method.name in refused)) return;
      const allowed = methods.filter(({ name }) => !(name in refused));
      menu.list.value = (allowed.find((one) => one.default) ?? allowed[0] ?? method).name;
      pick(menu.list.value);
    },
    value: () => ({ method: method.name, parameters: chosen[method.name] }),
  };
}

function control(parameter, values, changed) {
  const { name, kind, meaning, range, minimum, maximum, unit } = parameter;
  const value = values[name] ?? parameter.default;
  const title = `${meaning}; ${range}, by default ${parameter.default || "none"}`;
  const label = name.replaceAll("_", " ");
  if (kind === "choice") {
    return select({ label, title, options: parameter.choices.map((choice) => [choice, choice]), value, change: (found) => { values[name] = found; changed(); } }).element;
  }
  if (kind === "str") {
    const box = make("input", { type: "text", title, value: String(value), onchange: () => { if (box.value) values[name] = box.value; else delete values[name]; changed(); } });
    return make("label", { class: "text", title }, label, box);
  }
  const step = kind === "int" ? 1 : 10 ** Math.floor(Math.log10((maximum - minimum) / 100));
  const log = minimum > 0 && maximum / minimum > 200;
  return slider({ label, title, minimum, maximum, step, value, unit, scale: log ? "log" : "linear", change: (found) => { values[name] = kind === "int" ? Math.round(found) : found; changed(); } }).element;
}
