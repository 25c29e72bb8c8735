// How the picture is looked at: lighter or darker, one channel, before beside now. Nothing of it reaches the file.

import { button, checkbox, make, row, select, slider } from "./panels.js";

const WAYS = { none: ["Now", "The picture as it is now"], slider: ["Slider", "Before on the left, now on the right (S)"], side: ["Side by side", "Before on the left, now on the right, moved together"], blink: ["Blink", "Before and now by turns"], difference: ["Difference", "What was changed, on black (D); exposure makes it stronger"] };
const TAGS = { slider: "before | now", side: "before | now", blink: "before and now by turns", difference: "what was changed" };

/** Return a panel's content, `compare(way)`, and `open(about)` for another picture. */
export function looking(viewer, divider, tag) {
  const look = later((values) => viewer.setLook(values));
  const exposure = slider({ label: "Exposure", title: "Lighter or darker, in stops: for looking alone", minimum: -4, maximum: 4, step: 0.1, value: 0, unit: "stops", change: (value) => look({ exposure: value }) });
  const gamma = slider({ label: "Gamma", title: "Lighter or darker in the middle: for looking alone", minimum: 0.3, maximum: 3, step: 0.05, value: 1, change: (value) => look({ gamma: value === 1 ? 0 : value }) });
  const band = select({ label: "Channel", title: "Look at one channel alone, as grey", value: "", options: [["", "all"]], change: (value) => viewer.setLook({ band: value }) });
  const inverted = checkbox({ label: "Inverted", title: "Light is dark: for looking alone", change: (value) => viewer.setLook({ inverted: value }) });
  const plain = button({ label: "As it is", title: "No exposure, gamma, channel or inversion", press: () => { exposure.set(0, true); gamma.set(1, true); band.list.value = ""; inverted.set(false); viewer.setLook({ exposure: 0, gamma: 0, band: "", inverted: false }); } });

  const compare = (way) => {
    if (!viewer.session) return;
    viewer.setCompare(viewer.compare === way ? "none" : way);
    const now = viewer.compare;
    for (const element of ways.children) element.setAttribute("aria-pressed", String(element.dataset.way === now));
    divider.hidden = now !== "slider";
    tag.hidden = now === "none";
    tag.textContent = TAGS[now] ?? "";
  };
  const ways = make("div", { class: "ways", role: "group", "aria-label": "Compare" }, ...Object.entries(WAYS).map(([way, [label, title]]) => make("button", { type: "button", title, "aria-pressed": String(way === "none"), "data-way": way, onclick: () => compare(way) }, label)));
  divider.oninput = () => viewer.setSplit(divider.value / 1000);
  const open = (about) => {
    band.list.value = "";
    band.list.replaceChildren(make("option", { value: "" }, "all"), ...bandNames(about).map((name, k) => make("option", { value: String(k) }, name)));
  };
  return { content: [ways, exposure.element, gamma.element, row(band.element, inverted.element), plain], compare, open };
}

function bandNames({ bands }) {
  const colours = bands > 2 ? ["red", "green", "blue"] : ["grey"];
  return Array.from({ length: bands }, (_, k) => colours[k] ?? `band ${k + 1}`);
}

/** Call a function with the last values, at most so often that it keeps up. */
function later(call) {
  let waiting = null;
  let running = false;
  return async (values) => {
    waiting = { ...waiting, ...values };
    if (running) return;
    running = true;
    while (waiting) {
      const now = waiting;
      waiting = null;
      await call(now);
    }
    running = false;
  };
}
