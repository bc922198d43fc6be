// Review: one pair or test question after the other with its passage; a keystroke accepts, edits or
// rejects it.

import "./settings.js";
import { get, post } from "./service.js";
import { where } from "./sources.js";
import { say } from "./words.js";

const NAME = "self-evolution/reviewer";
const find = (selector) => document.querySelector(selector);
const form = find("form.better");
const problem = find("main > .problem");
const reviewer = find("#reviewer");
const ofPairs = find("#pair").dataset.kind === "pairs";
let waiting = []; // what is shown next
let skipped = 0; // what the person has put off
let counts = { reviewed: 0, left: 0 };
let busy = false;

function setBusy(value) {
  busy = value;
  find("#pair").setAttribute("aria-busy", String(value));
}

async function next() {
  if (!waiting.length) {
    const name = encodeURIComponent(reviewer.value.trim());
    const found = await get(`/api/${ofPairs ? "pairs" : "questions"}?offset=${skipped}&reviewer=${name}`);
    waiting = ofPairs ? found.pairs : found.questions;
    if (!waiting.length && skipped && found.left) {
      skipped = 0; // what was put off comes again at the end
      return next();
    }
    counts = found;
    agreement(found.agreement);
    find("#fixed").hidden = ofPairs || !found.fixed;
    find("#open").hidden = ofPairs || found.fixed;
  }
  show(waiting[0]);
}

function show(thing) {
  find("#pair").hidden = !thing;
  find("#count").textContent = thing
    ? say("review_count", { n: counts.left, s: counts.reviewed })
    : say("review_done", counts.reviewed);
  open(false);
  if (!thing) return;
  const { question, answer, place, text } = ofPairs ? pair(thing) : test(thing);
  find(".asked").textContent = question;
  find(".answer").textContent = answer;
  find(".where").textContent = place;
  find(".passage .text").textContent = text;
  form.querySelector("#new-answer").value = answer;
  if (!ofPairs) form.querySelector("#new-question").value = question;
}

function pair({ question, answer, passage }) {
  const place = `${passage.document} · ${where(passage)}`;
  return { question, answer, place, text: passage.text };
}

function test({ question, reference, document, heading, passage }) {
  const place = [document, heading.join(" › ")].filter(Boolean).join(" · ");
  return { question, answer: reference, place, text: passage };
}

function agreement(found) {
  const lines = found.map((one) => {
    const [a, b] = one.reviewers;
    const values = { a, b, s: one.same, n: one.both };
    if (one.kappa === null) return say("agreement_undefined", values);
    const p = say(`meaning_${one.meaning.replaceAll(" ", "_")}`);
    return say("agreement", { ...values, k: one.kappa.toFixed(2), p });
  });
  find("#agreement").replaceChildren(
    ...lines.map((line) => Object.assign(document.createElement("li"), { textContent: line })),
  );
}

function open(shown) {
  form.hidden = !shown;
  find("#edit").setAttribute("aria-expanded", String(shown));
  if (shown) form.querySelector("textarea").focus();
}

// Do something with what is shown, and go on; one thing at a time.
async function done(work) {
  if (busy || !waiting.length) return;
  setBusy(true);
  problem.hidden = true;
  try {
    await work(waiting[0]);
    waiting.shift();
    await next();
  } catch (error) {
    problem.textContent = say("not_kept", error.message);
    problem.hidden = false;
  } finally {
    setBusy(false);
  }
}

const AS_FEEDBACK = { accept: "right", edit: "better", reject: "wrong" };

function keep(verdict, texts = {}) {
  return done(async (thing) => {
    const name = reviewer.value.trim();
    if (ofPairs) {
      const { question, answer, generation, passage } = thing;
      const said = { verdict: AS_FEEDBACK[verdict], better: texts.reference ?? "", reviewer: name };
      const fragments = [passage.fragment];
      await post("/api/feedback", { question, answer, generation, fragments, ...said });
    } else {
      await post("/api/reviews", { item: thing.id, verdict, reviewer: name, ...texts });
    }
    counts.left -= 1;
    counts.reviewed += 1;
    find("main > .told").textContent = say(ofPairs ? `kept_${AS_FEEDBACK[verdict]}` : "kept_question");
  });
}

const deeds = {
  a: () => keep("accept"),
  e: () => open(form.hidden),
  r: () => keep("reject"),
  l: () => done(() => (skipped += 1)),
};
find("#accept").addEventListener("click", deeds.a);
find("#edit").addEventListener("click", deeds.e);
find("#reject").addEventListener("click", deeds.r);
find("#later").addEventListener("click", deeds.l);
form.querySelector(".cancel").addEventListener("click", () => open(false));
form.addEventListener("submit", (event) => {
  event.preventDefault();
  const reference = form.querySelector("#new-answer").value.trim();
  const question = form.querySelector("#new-question")?.value.trim();
  if (!reference || question === "") return;
  const [old] = waiting;
  const unchanged = ofPairs
    ? reference === old.answer
    : reference === old.reference && question === old.question;
  if (unchanged) keep("accept");
  else keep("edit", ofPairs ? { reference } : { question, reference });
});
document.addEventListener("keydown", (event) => {
  if (event.key === "Escape") {
    open(false);
    return;
  }
  if (event.target.matches("input, textarea, select")) return;
  if (event.ctrlKey || event.metaKey || event.altKey || event.repeat) return; // a key that is held
  const deed = deeds[event.key.toLowerCase()];
  if (!deed) return;
  event.preventDefault();
  deed();
});

// Another name begins anew: what one person has reviewed waits for the other. Until it is shown, a
// key does nothing, because it would judge what the person does not see yet.
async function begin() {
  waiting = [];
  skipped = 0;
  setBusy(true);
  try {
    await next();
  } catch (error) {
    problem.textContent = error.message;
    problem.hidden = false;
  } finally {
    setBusy(false);
  }
}

reviewer.addEventListener("change", () => {
  try {
    localStorage.setItem(NAME, reviewer.value.trim());
  } catch {
    // Where storage is forbidden, the name ends with the page.
  }
  begin();
});

try {
  reviewer.value = localStorage.getItem(NAME) ?? "";
} catch {
  // As above.
}
begin();
