// The server's routes. What it refuses it says in a sentence, which becomes an error's message.

const GONE = "The server doesn't answer. What was done is kept: start restauro again, and open its new address.";

async function ask(method, path, body, raw = false) {
  const options = { method, headers: {} };
  if (raw) options.body = body;
  else if (body !== undefined) {
    options.body = JSON.stringify(body);
    options.headers["content-type"] = "application/json";
  }
  let answer;
  try {
    answer = await fetch(`/api/${path}`, options);
  } catch {
    throw new Error(GONE);
  }
  if (answer.ok) return answer.json();
  const told = await answer.json().catch(() => null);
  throw new Error(typeof told?.detail === "string" ? told.detail : `The server refused it (${answer.status}).`);
}

const named = (file) => `name=${encodeURIComponent(file.name)}`;

export const start = () => ask("GET", "start");
const whither = (name) => (name.endsWith(".restauro") ? "projects" : name.endsWith(".ora") ? "layers" : "sessions");
export const refusals = (asked) => ask("POST", "refusals", asked);
export const end = () => ask("POST", "end");
export const openFile = (file) => ask("POST", `${whither(file.name)}?${named(file)}`, file, true);
export const openExample = (number) => ask("POST", `examples/${number}`);
export const openGiven = () => ask("POST", "given");
export const openSession = (session) => ask("GET", `sessions/${session}`);
export const forget = (session) => ask("DELETE", `sessions/${session}`);

/** Fetch a file that the server writes: its name and what it holds. */
export async function file(path) {
  const answer = await fetch(path).catch(() => { throw new Error(GONE); });
  if (!answer.ok) throw new Error((await answer.json().catch(() => ({}))).detail ?? `The server refused it (${answer.status}).`);
  const said = answer.headers.get("content-disposition") ?? "";
  const [, coded, plain] = /filename\*=utf-8''([^;]+)|filename="([^"]+)"/i.exec(said) ?? [];
  return { name: coded ? decodeURIComponent(coded) : plain, content: await answer.blob() };
}

/** What can be asked of one session. */
export class Session {
  constructor(about) {
    this.about = about;
    this.path = `sessions/${about.session}`;
  }

  heal = (stroke, method, source) => ask("POST", `${this.path}/heal`, { stroke, ...method, ...(source && { source }) });
  mark = (stroke, mode) => ask("POST", `${this.path}/marks`, { stroke, mode });
  all = (action, values = {}) => ask("POST", `${this.path}/marks/all`, { action, ...values });
  load = (file) => ask("PUT", `${this.path}/marks?${named(file)}`, file, true);
  loadLayers = (file) => ask("PUT", `${this.path}/layers`, file, true);
  undo = () => ask("POST", `${this.path}/undo`);
  redo = () => ask("POST", `${this.path}/redo`);
  switch = (number, shown) => ask("POST", `${this.path}/switch`, { number, shown });
  part = (number, area) => ask("POST", `${this.path}/part`, { number, area });
  restore = (method, area, chance = {}) => ask("POST", `${this.path}/restore`, { ...method, area, ...chance });
  redoFrom = (number) => ask("POST", `${this.path}/redo-from`, { number });
  paint = (plane, what, stroke) => ask("POST", `${this.path}/paint`, { plane, what, stroke });
  clearPainted = (plane) => ask("POST", `${this.path}/paint/clear`, { plane });
  line = (points) => ask("POST", `${this.path}/lines`, { points });
  look = (asked) => ask("POST", `${this.path}/found/look`, asked);
  search = (asked) => ask("POST", `${this.path}/found/search`, asked);
  judge = (judgement) => ask("POST", `${this.path}/found/judge`, judgement);
  take = () => ask("POST", `${this.path}/found/take`);
  forgetFound = () => ask("DELETE", `${this.path}/found`);
  close = () => ask("POST", `${this.path}/close`);
  tile = (layer, level, x, y, query) => `/api/${this.path}/tiles/${layer}/${level}/${x}/${y}?${query}`;
  get picture() { return `/api/${this.path}/picture`; }
  get project() { return `/api/${this.path}/project`; }
  get layers() { return `/api/${this.path}/layers`; }
  get marks() { return `/api/${this.path}/marks`; }
}

export const cancel = (job) => ask("DELETE", `jobs/${job}`);

/** Follow a job; resolves with its result, or null where it was cancelled. */
export function follow(job, progress) {
  return new Promise((resolve, reject) => {
    const events = new EventSource(`/api/jobs/${job}`);
    events.onmessage = ({ data }) => {
      const told = JSON.parse(data);
      progress(told.fraction);
      if (!["done", "cancelled", "failed"].includes(told.state)) return;
      events.close();
      if (told.state === "failed") reject(new Error(told.detail));
      else resolve(told.result);
    };
    events.onerror = () => {
      events.close();
      reject(new Error(GONE));
    };
  });
}
