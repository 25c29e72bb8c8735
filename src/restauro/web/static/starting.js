// The first view: a picture is chosen, dropped or gone on with; and restauro is ended.

import * as api from "./api.js";
import { button, make } from "./panels.js";

const WHEN = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "short" });
const byId = (id) => document.getElementById(id);

/**
 * Make the first view work; `show()` shows what there is to open.
 *
 * @param options `open(asked, text)`: open what a promise brings; `doing(work)`: do something that the server answers
 */
export function starting({ open, doing }) {
  let ended = false;
  const list = (element, items) => {
    element.querySelector("ul").replaceChildren(...items.map((item) => make("li", {}, ...item)));
    element.hidden = !items.length;
  };

  async function show() {
    const about = await doing(api.start);
    if (!about || ended) return;
    byId("kinds").textContent = `${about.endings.join(" ")} – up to 400 megapixels, in their own depth.`;
    byId("file").accept = about.endings.join(",");
    list(byId("examples"), about.examples.map((title, number) => [button({ label: title, title: "Open this example", press: () => open(() => api.openExample(number), "Opening …") })]));
    list(byId("last"), about.sessions.map(({ session: number, name, used }) => [
      make("button", { type: "button", title: "Go on where it was left", onclick: () => open(() => api.openSession(number), "Opening …") }, make("span", {}, name), make("span", { class: "small" }, WHEN.format(1000 * used))),
      remover(number, name),
    ]));
    byId("ending").hidden = !about.ends;
  }

  /** A button that removes a session when it is pressed twice, as there is no way back. */
  function remover(number, name) {
    const element = make("button", { class: "plain", type: "button" });
    const ask = (asked) => {
      element.textContent = asked ? "Remove?" : "×";
      element.title = asked ? "Press again: it is gone then, with all that was done" : "Remove it with all that was done";
      element.setAttribute("aria-label", asked ? `Remove ${name}? Press again` : `Remove ${name}`);
      element.onclick = async () => {
        if (!asked) return ask(true);
        await doing(() => api.forget(number));
        return show();
      };
    };
    element.onblur = () => ask(false);
    ask(false);
    return element;
  }

  const send = (file) => { if (file) open(() => api.openFile(file), `Opening ${file.name} …`); };
  byId("file").onchange = () => {
    const [file] = byId("file").files;
    byId("file").value = "";
    send(file);
  };
  addEventListener("dragover", (event) => { event.preventDefault(); document.body.toggleAttribute("data-drop", true); });
  addEventListener("dragleave", (event) => { if (!event.relatedTarget) document.body.toggleAttribute("data-drop", false); });
  addEventListener("drop", (event) => {
    event.preventDefault();
    document.body.toggleAttribute("data-drop", false);
    send(event.dataTransfer.files[0]);
  });
  byId("quit").onclick = async () => {
    if (!await doing(api.end)) return;
    ended = true;
    byId("start").replaceChildren(make("div", { role: "status" }, make("h2", {}, "restauro has ended"), make("p", {}, "What was done is kept. You can close this page.")));
  };
  return { show };
}
