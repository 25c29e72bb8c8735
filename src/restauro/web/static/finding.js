// Damage that is looked for: what is in view as one goes, or all of the picture; marks are left out or taken.

import * as api from "./api.js";
import { modes } from "./guiding.js";
import { button, checkbox, make, row, slider, swap } from "./panels.js";

const KINDS = { dust: ["Dust", "Dust and specks", true], scratches: ["Scratches", "Scratches and other long, thin lines", true], losses: ["Losses", "Flaked paint, peeled emulsion, tears", true], cracks: ["Cracks", "Craquelure, dark and bright", false] };
const SETTLED = 250; // ms that the view rests before it is looked at

/**
 * Return a panel's content; `show(found)` what the server says is proposed, `open()` for another picture.
 *
 * @param options `session()`: what is open; `step(work)`: have a step done; `say(text, wrong)`; `choose(tool)`;
 */
export function finding(viewer, painter, { session, step, say, choose }) {
  const kinds = new Set(Object.keys(KINDS).filter((kind) => KINDS[kind][2]));
  let rate = 3;
  let previewing = false;
  let whole = false;
  let turn = 0; // of looking: what an older one says isn't wanted any more
  let looked = ""; // what was looked at last
  let timer = null;
  let job = null;
  let found = { marks: [], kinds: {}, left: 0, box: null };
  let at = -1;
  let painted = false; // whether there are hints

  const boxes = Object.entries(KINDS).map(([kind, [label, title, checked]]) => checkbox({ label, title, checked, change: (on) => { if (on) kinds.add(kind); else kinds.delete(kind); again(); } }).element);
  const sensitivity = slider({ label: "False marks", title: "How many wrong marks a megapixel are put up with, of each kind: more find fainter damage", minimum: 0.3, maximum: 30, step: 0.1, value: rate, unit: "/ MP", scale: "log", change: (value) => { rate = value; again(); } });
  const preview = checkbox({ label: "Show what is found in view", title: "Look at the part of the picture in view, as it is moved", change: (on) => {
    previewing = on;
    if (on) { choose("judge"); again(); } else forget();
  } });
  const searchButton = button({ label: "Search the whole picture", title: "Look for these kinds of damage everywhere", press: () => search() });
  const byHints = button({ label: "Search", title: "Find what looks like the damage that is painted with Hints, beside the kinds that are chosen", press: () => search(true) });
  const clearHints = button({ label: "Clear", title: "Take all hints away", press: () => step(() => session().clearPainted("hints")) });
  const teaching = make("details", { class: "parameters" }, make("summary", { title: "Paint what is damage and what isn't; the rest of the picture follows" }, "By hints"),
    make("div", {}, modes("hint", choose), row(byHints, clearHints)));
  const bar = make("progress", { max: "1", value: 0, "aria-label": "Searching" });
  const cancelButton = button({ label: "Cancel", title: "Stop searching", press: () => { if (job) api.cancel(job); } });
  const running = row(bar, cancelButton);
  running.classList.add("running");
  running.hidden = true;
  const atWork = (on) => {
    if (on) swap(searchButton, running, cancelButton); // so that nothing moves
    else swap(running, searchButton);
    byHints.disabled = on || !painted;
  };
  const summary = make("p", { class: "small found", role: "status" });
  const previous = button({ label: "‹", title: "The mark before this one", press: () => go(-1) });
  const next = button({ label: "›", title: "The next mark: those on lettering first, then the largest", press: () => go(1) });
  previous.setAttribute("aria-label", "Mark before");
  next.setAttribute("aria-label", "Next mark");
  const leave = button({ label: "Leave out", title: "Leave this mark out, or take it again", press: () => step(() => session().judge({ number: found.marks[at].number })) });
  const review = row(previous, next, leave);
  review.classList.add("review");
  review.hidden = true;
  const takeButton = button({ label: "Mark these", title: "What is found becomes marks, but for what is left out; then it can be restored", primary: true, press: () => step(async () => {
    const state = await session().take();
    preview.set(previewing = false);
    say(`${state.found ? "What was found is marked: " : ""}grow the marks if they are narrow, then restore them.`);
    return state;
  }) });

  const asked = () => ({ kinds: [...kinds], sensitivity: Math.min(Math.max(rate, 0.3), 30) });

  function again() {
    whole = false;
    looked = "";
    wait(0);
  }

  function wait(time = SETTLED) {
    clearTimeout(timer);
    if (previewing && !whole) timer = setTimeout(look, time);
  }

  async function look() {
    const box = session() && viewer.box;
    const what = JSON.stringify([box, asked()]);
    if (!box || !kinds.size || what === looked) return;
    looked = what;
    const mine = (turn += 1);
    const of = session();
    summary.textContent = "Looking …";
    try {
      for (let complete = false; !complete;) {
        const answer = await of.look({ ...asked(), box });
        if (mine !== turn || !previewing || session() !== of) return;
        await viewer.changed(answer.changed);
        complete = answer.found.complete;
        show(answer.found);
      }
    } catch (error) {
      if (session() === of) say(error.message, true);
    }
  }

  async function search(withHints = false) {
    if (!session() || job) return;
    if (!kinds.size && !withHints) return void say("Choose what to look for first: dust, scratches, losses or cracks.", true);
    turn += 1;
    const of = session();
    atWork(true);
    bar.value = 0;
    try {
      ({ job } = await of.search({ ...asked(), hints: withHints }));
      const answer = await api.follow(job, (fraction) => { bar.value = fraction; });
      if (session() !== of) return; // another picture was opened meanwhile
      if (!answer) return void say("Cancelled: what was proposed before is still there.");
      whole = true;
      await viewer.changed(answer.changed);
      show(answer.found);
      choose("judge");
    } catch (error) {
      say(error.message, true);
    } finally {
      job = null;
      atWork(false);
    }
  }

  async function forget() {
    turn += 1;
    looked = "";
    if (!session()) return;
    const answer = await session().forgetFound().catch((error) => say(error.message, true));
    if (!answer) return;
    whole = false;
    await viewer.changed(answer.changed);
    show(answer.found);
  }

  function go(by) {
    if (!found.marks.length) return;
    at = (at + by + found.marks.length) % found.marks.length;
    viewer.goTo(found.marks[at].box);
    tell();
  }

  function show(now) {
    found = now;
    at = Math.min(at, found.marks.length - 1);
    viewer.showLayer("found", found.box !== null);
    tell();
  }

  function tell() {
    const count = Object.values(found.kinds).reduce((sum, some) => sum + some, 0);
    const listed = Object.entries(found.kinds).map(([kind, some]) => `${kind} ${some}`).join(", ");
    const left = found.left ? `; ${found.left} left out` : "";
    const letters = found.lettering ? `; ${found.lettering} on lettering, shown first: filling would change what is written` : "";
    const more = found.complete === false ? " …" : "";
    const one = whole && at >= 0 ? ` – now ${at + 1}: ${found.marks[at].kind}, ${found.marks[at].pixels} px${found.marks[at].lettering ? ", on lettering" : ""}${found.marks[at].left ? ", left out" : ""}` : "";
    if (found.box === null) summary.textContent = "";
    else summary.textContent = count ? `Found: ${listed}${left}${letters}${one}${more}` : `Nothing found${more}`;
    review.hidden = !whole || !count;
    leave.disabled = at < 0;
    leave.textContent = at >= 0 && found.marks[at].left ? "Take" : "Leave out";
    takeButton.disabled = !(count > found.left);
    painter.frames = found.box && !whole ? [found.box] : whole && at >= 0 ? [found.marks[at].box] : [];
    painter.draw();
  }

  viewer.addEventListener("moved", () => wait());
  tell();
  return {
    content: [make("div", { class: "kinds", role: "group", "aria-label": "Kinds of damage" }, ...boxes), sensitivity.element, preview.element, searchButton, running, teaching, summary, review, takeButton],
    show,
    painted: (planes) => {
      painted = planes.includes("hints");
      byHints.disabled = !painted || job !== null;
      clearHints.disabled = !painted;
    },
    /** Show what belongs to painting hints. */
    teach: () => { teaching.open = true; },
    repaint: () => { looked = ""; wait(); },
    open: () => {
      if (job) api.cancel(job);
      whole = false;
      at = -1;
      preview.set(previewing = false);
      forget();
    },
  };
}
