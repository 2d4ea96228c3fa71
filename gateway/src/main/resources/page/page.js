"use strict";
// Lists the operations of /openapi.json and tries them. Everything foreign goes in as text, never as markup.

const EXAMPLE = {
  vm: "vm-1", source: "north:oslo", target: "south:roma", mode: "cold", accept: "manual",
  limit: { amount: "10.00", currency: "EUR" }, eraseSource: false,
};
let contract;

function make(tag, text, parent) {
  const element = document.createElement(tag);
  if (text) element.textContent = text;
  if (parent) parent.append(element);
  return element;
}

function resolve(node) {
  if (!node || !node.$ref) return node;
  return node.$ref.slice(2).split("/").reduce((at, key) => at[key.replace(/~1/g, "/").replace(/~0/g, "~")], contract);
}

function field(form, name, required) {
  const label = make("label", name + (required ? " (required) " : " "), form);
  const input = make("input", "", label);
  input.required = Boolean(required);
  return input;
}

async function send(method, path, parameters, body, answer) {
  const headers = {};
  const query = new URLSearchParams();
  let target = path;
  const token = document.getElementById("token").value.trim();
  if (token) headers.Authorization = "Bearer " + token;
  for (const { name, where, input } of parameters) {
    if (!input.value) continue;
    if (where === "path") target = target.replace("{" + name + "}", encodeURIComponent(input.value));
    if (where === "query") query.set(name, input.value);
    if (where === "header") headers[name] = input.value;
  }
  if (body) headers["Content-Type"] = "application/json";
  if (query.size) target += "?" + query;
  answer.textContent = "…";
  try {
    const response = await fetch(target, { method: method.toUpperCase(), headers, body: body ? body.value : undefined });
    answer.textContent = response.status + " " + (response.headers.get("Content-Type") || "") + "\n";
    const reader = response.body ? response.body.pipeThrough(new TextDecoderStream()).getReader() : null;
    let text = "";
    for (let part; reader && !(part = await reader.read()).done;) {
      text += part.value;
      answer.append(part.value);
    }
    try {
      answer.textContent = answer.textContent.split("\n", 1)[0] + "\n" + JSON.stringify(JSON.parse(text), null, 2);
    } catch { /* not JSON: it stands there as it came */ }
  } catch (problem) {
    answer.textContent = String(problem);
  }
}

function operation(path, method, shared, described) {
  const box = make("details", "", document.getElementById("operations"));
  const summary = make("summary", "", box);
  make("b", method, summary);
  summary.append(" " + path + (described.summary ? " — " + described.summary : ""));
  if (described.description) make("p", described.description, box);
  const form = make("form", "", box);
  const parameters = [...shared, ...(described.parameters || [])].map(resolve).map((parameter) => ({
    name: parameter.name, where: parameter.in, input: field(form, parameter.name, parameter.required),
  }));
  let body = null;
  if (described.requestBody) {
    body = make("textarea", "", make("label", "body", form));
    const json = (resolve(described.requestBody).content || {})["application/json"] || {};
    body.value = JSON.stringify(json.example || EXAMPLE, null, 2);
  }
  make("button", "Send", form);
  const answer = make("pre", "", box);
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    send(method, path, parameters, body, answer);
  });
}

async function start() {
  const main = document.getElementById("operations");
  const response = await fetch("/openapi.json");
  if (!response.ok) {
    main.textContent = "This build serves no contract.";
    return;
  }
  contract = await response.json();
  document.getElementById("title").textContent = contract.info.title + " " + contract.info.version;
  main.textContent = "";
  for (const [path, item] of Object.entries(contract.paths)) {
    for (const method of ["get", "post", "put", "patch", "delete"]) {
      if (item[method]) operation(path, method, item.parameters || [], item[method]);
    }
  }
}

start();
