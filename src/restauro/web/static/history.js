// What has been restored, the newest on top: each can be hidden and shown again; what isn't up to date says so.

import { button, make } from "./panels.js";

const KINDS = { heal: "Healed", restore: "Restored", part: "Part", edits: "Edited" };
const MOST = 200; // listed at once

/** Return a list's element, and what shows a session's state in it. */
export function resultList({ toggle, redo, find, take }) {
  const list = make("ol", { class: "results", reversed: true });
  const none = make("p", { class: "small" }, "Nothing has been restored yet.");
  const more = make("p", { class: "small", hidden: true });
  const show = (retouch) => {
    none.hidden = retouch.length > 0;
    const newest = retouch.slice(-MOST).reverse();
    more.hidden = retouch.length <= MOST;
    more.textContent = `and ${retouch.length - MOST} before these`;
    list.replaceChildren(...newest.map((result) => item(result, retouch.indexOf(result) + 1)));
  };
  const item = ({ number, kind, method, pixels, box: place, shown, stale, seed }, count) => {
    const what = `${KINDS[kind]} ${count}`;
    const box = make("input", { type: "checkbox", checked: shown, title: "Show this result, or take it back", "aria-label": `Show ${what}`, onchange: () => toggle(number, box.checked) });
    const text = make("button", { class: "plain", title: "Go to it in the picture", onclick: () => find(place) }, what, make("span", { class: "small" }, ` ${method === "heal" ? "from a source" : method}, ${pixels.toLocaleString("en").replaceAll(",", "\u202f")}\u00a0px${seed ? `, seed\u00a0${seed}` : ""}`));
    const part = button({ label: "Take here", title: "Put what this result made of the area on top of all else", press: () => take(number) });
    part.classList.add("take");
    const element = make("li", { class: shown ? "" : "off" }, make("label", { class: "check" }, box), text, part);
    if (stale) {
      element.append(make("span", { class: "stale", title: "It was made upon a result that isn't there any more" }, "not up to date"));
      element.append(button({ label: "Redo from here", title: "Restore this and all later ones anew, by the same strokes", press: () => redo(number) }));
    }
    return element;
  };
  /** An area is drawn, of which parts can be taken, or isn't any more. */
  const area = (drawn) => list.classList.toggle("area", drawn);
  return { element: make("div", {}, none, list, more), show, area };
}
