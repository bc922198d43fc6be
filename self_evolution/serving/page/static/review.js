// Review: one pair after the other with its passage; a keystroke accepts, edits or rejects it.

import "./settings.js";
import { get, post } from "./service.js";
import { where } from "./sources.js";
import { say } from "./words.js";

const find = (selector) => document.querySelector(selector);
const form = find("form.better");
const problem = find("main > .problem");
let waiting = []; // pairs that are shown next
let skipped = 0; // pairs that the person has put off
let counts = { reviewed: 0, left: 0 };
let busy = false;

async function next() {
  if (!waiting.length) {
    const found = await get(`/api/pairs?offset=${skipped}`);
    waiting = found.pairs;
    counts = found;
  }
  show(waiting[0]);
}

function show(pair) {
  find("#pair").hidden = !pair;
  find("#count").textContent = pair
    ? say("review_count", { n: counts.left, s: counts.reviewed })
    : say("review_done", counts.reviewed);
  open(false);
  if (!pair) return;
  find(".asked").textContent = pair.question;
  find(".answer").textContent = pair.answer;
  find(".where").textContent = `${pair.passage.document} · ${where(pair.passage)}`;
  find(".passage .text").textContent = pair.passage.text;
  form.querySelector("textarea").value = pair.answer;
}

function open(shown) {
  form.hidden = !shown;
  find("#edit").setAttribute("aria-expanded", String(shown));
  if (shown) form.querySelector("textarea").focus();
}

// Do something with the pair that is shown, and go on; one thing at a time.
async function done(work) {
  if (busy || !waiting.length) return;
  busy = true;
  problem.hidden = true;
  try {
    await work(waiting[0]);
    waiting.shift();
    await next();
  } catch (error) {
    problem.textContent = say("not_kept", error.message);
    problem.hidden = false;
  } finally {
    busy = false;
  }
}

function keep(verdict, better = "") {
  return done(async (pair) => {
    const { question, answer, generation, passage } = pair;
    const fragments = [passage.fragment];
    await post("/api/feedback", { verdict, question, answer, better, generation, fragments });
    counts.left -= 1;
    counts.reviewed += 1;
    find("main > .told").textContent = say(`kept_${verdict}`);
  });
}

const deeds = {
  a: () => keep("right"),
  e: () => open(form.hidden),
  r: () => keep("wrong"),
  l: () => done(() => (skipped += 1)),
};
find("#accept").addEventListener("click", deeds.a);
find("#edit").addEventListener("click", deeds.e);
find("#reject").addEventListener("click", deeds.r);
find("#later").addEventListener("click", deeds.l);
form.querySelector(".cancel").addEventListener("click", () => open(false));
form.addEventListener("submit", (event) => {
  event.preventDefault();
  const text = form.querySelector("textarea").value.trim();
  const unchanged = text === waiting[0].answer;
  if (text) keep(unchanged ? "right" : "better", unchanged ? "" : text);
});
document.addEventListener("keydown", (event) => {
  if (event.key === "Escape") {
    open(false);
    return;
  }
  if (event.target.matches("input, textarea, select")) return;
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  const deed = deeds[event.key.toLowerCase()];
  if (!deed) return;
  event.preventDefault();
  deed();
});

next().catch((error) => {
  problem.textContent = error.message;
  problem.hidden = false;
});
