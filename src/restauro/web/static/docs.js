// The interface for programs, as openapi.json has it.

import { make } from "./panels.js";

const about = await (await fetch("/openapi.json")).json();
const named = (schema) => (schema?.$ref ? about.components.schemas[schema.$ref.split("/").at(-1)] : schema ?? {});

function kind(schema) {
  const found = named(schema);
  if (found.anyOf) return found.anyOf.map(kind).join(" or ");
  if (found.enum) return found.enum.map((value) => JSON.stringify(value)).join(" or ");
  if (found.const !== undefined) return JSON.stringify(found.const);
  if (found.type === "array") return `list of ${found.items ? kind(found.items) : kind({ type: "number" })}`;
  const limits = [["minimum", "from"], ["exclusiveMinimum", "over"], ["maximum", "to"], ["maxLength", "characters up to"], ["maxItems", "up to"]];
  return [found.title && found.properties ? found.title : found.type ?? "anything", ...limits.filter(([key]) => key in found).map(([key, word]) => `${word} ${found[key]}`)].join(" ");
}

function field(name, schema, required, description) {
  const found = named(schema);
  const given = found.default === undefined ? "" : `, by default ${JSON.stringify(found.default)}`;
  const item = make("li", {}, make("code", {}, name), " ", make("span", { class: "type" }, `${kind(schema)}${given}${required ? "" : ", may be left out"}`));
  if (description ?? found.description) item.append(`: ${description ?? found.description}`);
  if (found.properties) item.append(fields(found));
  return item;
}

function fields(schema) {
  return make("ul", {}, ...Object.entries(schema.properties ?? {}).map(([name, value]) => field(name, value, schema.required?.includes(name), value.description)));
}

for (const [path, verbs] of Object.entries(about.paths)) {
  for (const [verb, route] of Object.entries(verbs)) {
    const section = make("section", {}, make("h2", {}, make("span", { class: "verb" }, verb.toUpperCase()), path), make("p", {}, route.description ?? route.summary));
    const given = (route.parameters ?? []).filter(({ in: where }) => where === "query" || where === "path");
    if (given.length) section.append(make("ul", {}, ...given.map(({ name, schema, required, description }) => field(name, schema, required, description))));
    const body = route.requestBody?.content?.["application/json"]?.schema;
    if (body) section.append(make("p", {}, "Body, JSON: ", named(body).description ?? ""), fields(named(body)));
    document.getElementById("routes").append(section);
  }
}
