"use strict";
// Every text of the trail is put on the page as text, never as markup.
const stories = JSON.parse(document.getElementById("data").textContent);
const PAGE = 100;
const at = (id) => document.getElementById(id);
const fields = ["guardrail", "outcome", "severity", "project", "approver"];

function el(tag, attributes, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes || {})) made.setAttribute(name, value);
  made.append(...children.filter((child) => child !== null && child !== undefined && child !== ""));
  return made;
}

function words(story) {
  return [story.job, story.identity, story.unique_id, story.reason, story.guardrail, story.project, story.actor, story.outcome, ...story.approvers].join("\n").toLowerCase();
}

function call(made) {
  const parameters = Object.entries(made.parameters || {}).map(([key, value]) => key + "=" + (typeof value === "string" ? value : JSON.stringify(value)));
  return made.operation ? made.service + ":" + made.operation + "(" + parameters.join(", ") + ")" : "";
}

function documentOf(story) {
  for (const change of story.changes) {
    for (const made of [change.inverse, change.call]) {
      const text = made.parameters && (made.parameters.PolicyDocument || made.parameters.policyDocument);
      try {
        const parsed = typeof text === "string" ? JSON.parse(text) : text;
        if (parsed && parsed.Statement) return [].concat(parsed.Statement);
      } catch { /* it is shown as it is, in the call */ }
    }
  }
  return [];
}

function proof(story) {
  const shown = [];
  const grants = Array.isArray(story.evidence.grants) ? story.evidence.grants : [];
  const hit = new Set(grants.map((grant) => grant.statement));
  documentOf(story).forEach((statement, number) => {
    const found = hit.has(number);
    shown.push(el("pre", { class: found ? "hit" : "" }, found ? el("mark", {}, "statement " + number + " proves it\n") : "statement " + number + "\n", JSON.stringify(statement, null, 1)));
  });
  if (grants.length) {
    shown.push(table(["statement", "grants", "on", "conditions"], grants.map((g) => [String(g.statement), g.action, g.resource, g.conditions])));
  }
  for (const [key, value] of Object.entries(story.evidence)) {
    if (key === "grants" || value === null || value === "" || (Array.isArray(value) && !value.length)) continue;
    shown.push(el("p", {}, key.replaceAll("_", " ") + ": ", el("code", {}, typeof value === "string" ? value : JSON.stringify(value))));
  }
  return shown;
}

function table(heads, rows) {
  const head = el("tr", {}, ...heads.map((text) => el("th", { scope: "col" }, text)));
  const body = rows.map((row) => el("tr", {}, ...row.map((cell) => el("td", {}, cell || ""))));
  return el("div", { class: "wide" }, el("table", {}, el("thead", {}, head), el("tbody", {}, ...body)));
}

function told(story) {
  const parts = [el("h3", {}, "What was heard"), el("p", {}, story.reason), el("p", {}, "identity: ", el("code", {}, story.identity || "-"), " ", el("code", {}, story.unique_id))];
  if (story.actor) parts.push(el("p", {}, "by: ", el("code", {}, story.actor)));
  if (story.event) parts.push(el("p", {}, "event: ", el("code", {}, story.event)));
  const proved = proof(story);
  if (proved.length) parts.push(el("h3", {}, "Why it was judged so"), ...proved);
  if (story.changes.length) {
    parts.push(el("h3", {}, "Before and after"));
    parts.push(table(["what", "before", "after", "call"], story.changes.map((c) => [c.what, c.before, c.after, el("code", {}, call(c.call))])));
  }
  if (story.approvers.length) parts.push(el("h3", {}, "Who approved"), ...story.approvers.map((name) => el("p", {}, el("code", {}, name))));
  const steps = story.records.map(([number, time, kind, step, reason]) => el("li", {}, el("span", { class: "no" }, "#" + number + " " + time + " "), el("b", {}, kind), " " + step + " " + reason));
  parts.push(el("h3", {}, "Step by step"), el("ol", {}, ...steps));
  if (story.verified) parts.push(el("p", {}, "verified by reading again at " + story.verified + " UTC"));
  if (story.acted && !story.undo_of) parts.push(el("h3", {}, "How to take it back"), el("p", {}, el("code", {}, "ringfence undo " + story.job)));
  return el("div", { class: "story" }, ...parts);
}

function item(story) {
  const meta = [story.time, story.severity, story.outcome, story.guardrail, story.project, story.short].filter(Boolean).join("  \u00b7  ");
  const line = el("summary", {}, el("span", { class: "what" }, story.reason), el("span", { class: "meta" }, meta));
  const whole = el("details", { class: "s-" + story.class }, line);
  whole.addEventListener("toggle", () => { if (whole.open && whole.childElementCount === 1) whole.append(told(story)); });
  return el("li", {}, whole);
}

let found = stories, shown = 0;

function more() {
  at("stories").append(...found.slice(shown, shown + PAGE).map(item));
  shown = Math.min(shown + PAGE, found.length);
  at("more").hidden = shown >= found.length;
  at("more").textContent = "Show " + Math.min(PAGE, found.length - shown) + " more of " + (found.length - shown);
}

function filter() {
  const looked = at("q").value.trim().toLowerCase().split(/\s+/).filter(Boolean);
  const chosen = fields.map((name) => [name, at(name).value]).filter(([, value]) => value);
  const since = at("since").value, until = at("until").value;
  found = stories.filter((story) =>
    looked.every((word) => story.words.includes(word)) &&
    chosen.every(([name, value]) => (name === "approver" ? story.approvers.includes(value) : story[name] === value)) &&
    (!since || story.last >= since) && (!until || story.time.slice(0, 10) <= until));
  at("stories").replaceChildren();
  shown = 0;
  more();
  at("count").textContent = found.length + " of " + stories.length;
}

for (const story of stories) story.words = words(story);
for (const name of fields) {
  const values = [...new Set(stories.flatMap((story) => (name === "approver" ? story.approvers : [story[name]])).filter(Boolean))].sort();
  at(name).append(el("option", { value: "" }, "all"), ...values.map((value) => el("option", { value }, value)));
  at(name).addEventListener("change", filter);
}
for (const name of ["q", "since", "until"]) at(name).addEventListener("input", filter);
at("more").addEventListener("click", more);
document.querySelector("form").addEventListener("submit", (event) => event.preventDefault());
document.addEventListener("keydown", (event) => {
  if (event.key === "/" && !["INPUT", "SELECT"].includes(document.activeElement.tagName)) { event.preventDefault(); at("q").focus(); }
});
filter();
