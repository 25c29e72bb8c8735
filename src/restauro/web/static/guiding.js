// What guides methods: where texture may come from, lines that go on across damage; and hints of what is damage.

import { button, make } from "./panels.js";
import { TOOLS } from "./tools.js";

/** Return buttons for the modes of a tool, of which the one in use is pressed; `choose(name)` takes the tool. */
export function modes(name, choose) {
  const tool = TOOLS.find((one) => one.name === name);
  const element = make("div", { class: "ways modes", role: "group", "aria-label": tool.title });
  const tell = () => { for (const one of element.children) one.setAttribute("aria-pressed", String(one.dataset.mode === tool.mode)); };
  element.append(...Object.entries(tool.modes).map(([mode, { label, about }]) => make("button", { type: "button", title: about, "data-mode": mode, onclick: () => { tool.mode = mode; tell(); choose(name); } }, label)));
  tell();
  return element;
}

/** Return a panel's content, and `show(state)`, `tell(method)`: what the method that is chosen takes of it. */
export function guiding(viewer, painter, { session, step, choose }) {
  const clear = button({ label: "Clear the guides", title: "Take away all that is allowed, forbidden, and all lines", press: () => step(() => session().clearPainted("guides")) });
  const takes = make("p", { class: "small" });
  return {
    content: [modes("guide", choose), clear, takes],
    show: ({ lines, painted }) => {
      painter.lines = lines;
      clear.disabled = !lines.length && !painted.includes("guides");
      for (const plane of ["guides", "hints"]) viewer.showLayer(plane, painted.includes(plane));
      painter.draw();
    },
    tell: ({ title, takes: some }) => {
      const words = [some.includes("guides") && "lines", some.includes("sources") && "what is allowed and forbidden"].filter(Boolean);
      takes.textContent = words.length ? `${title} goes by ${words.join(" and ")}.` : `${title} takes no guides: choose edge-enhancing, coherence or PatchMatch.`;
    },
  };
}
