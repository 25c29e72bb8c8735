// Healing from a source: the place that is picked, and how far it is from what is painted.

import { button, checkbox, make } from "./panels.js";

/** Return a panel's content, and what a tool needs: `picks(alt)`, `pick(x, y)`, `source(start)`, `shown(cursor, start)`, `open()`. */
export function sourcing(viewer, painter, { say, choose }) {
  let place = null; // that was picked, [x, y]
  let apart = null; // rows and columns from what is painted to its source
  let aligned = true;
  let picking = false;

  const rule = checkbox({ label: "Aligned", title: "Every stroke is as far from its source as the first one; without it, every stroke begins at the source again", checked: true, change: (on) => { aligned = on; apart = null; } });
  const begin = button({ label: "Pick the source", title: "The next click sets the place to heal from (Alt-click with the tool does the same)", press: () => { picking = true; choose(); say("Click what is intact and like the damage."); } });
  const middle = button({ label: "Source in the middle", title: "Heal from what is in the middle of the view", press: () => {
    if (!viewer.session) return;
    const { clientWidth, clientHeight } = viewer.osd.element;
    choose();
    pick(...viewer.toPicture(clientWidth / 2, clientHeight / 2));
  } });
  const state = make("p", { class: "small", role: "status" });

  function pick(x, y) {
    place = [x, y];
    apart = null;
    picking = false;
    state.textContent = `The source is at ${Math.floor(x)}, ${Math.floor(y)}.`;
    say("Now paint over damage: it is healed from there.");
    painter.draw();
  }

  const from = ([x, y]) => (aligned && apart) || { down: Math.round(place[1] - y), right: Math.round(place[0] - x) };

  return {
    content: [rule.element, begin, middle, state],
    picks: (alt) => alt || picking,
    pick,
    /** How far the source of a stroke is that begins at a place; null where none was picked. */
    source: (start) => {
      if (!place) return null;
      apart = from(start);
      return apart;
    },
    /** Where the source is of what is under the pointer; `start` is where the stroke began, if one is being painted. */
    shown: ([x, y], start) => {
      if (!place) return null;
      if (!start && !(aligned && apart)) return place;
      const { down, right } = from(start ?? [x, y]);
      return [x + right, y + down];
    },
    open: () => {
      place = apart = null;
      picking = false;
      state.textContent = "No source yet: Alt-click with the tool, or pick it here.";
    },
  };
}
