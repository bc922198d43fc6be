// The first page: a question goes out, its answers come in, and the browser remembers them.

import "./settings.js";
import { Reply } from "./reply.js";
import { events, get, Problem } from "./service.js";
import { Store } from "./store.js";
import { announce, say } from "./words.js";

const byId = (id) => document.getElementById(id);
const form = byId("ask");
const field = byId("question");
const store = new Store(form.dataset.run);
let running = null; // the AbortController of the question that is being answered
let follows = null; // the turn that the next question follows up on

// -- asking ---------------------------------------------------------------------------------

function body(question, model) {
  const document = byId("document").value.trim();
  const closed = byId("closed").checked;
  return {
    question,
    model,
    closed,
    ...(document && !closed ? { document } : {}),
    ...(follows ? { history: [follows] } : {}),
    routing: byId("model").value !== "beside", // side by side, both answer in the same way
  };
}

async function receive(reply, request, signal) {
  try {
    for await (const [name, value] of events(request, signal)) reply.take(name, value);
    if (!reply.answer && reply.find(".problem").hidden) reply.fail(say("interrupted"));
  } catch (error) {
    if (error.name === "AbortError") reply.fail(say("stopped"));
    else if (error instanceof Problem) reply.fail(error.message);
    else throw error;
  }
}

async function ask(question) {
  const choice = byId("model").value;
  const models = choice === "beside" ? ["leader", "base"] : [choice];
  const requests = models.map((model) => body(question, model));
  const replies = models.map((model) => new Reply(question, model, followUp));
  const turn = showTurn(question, replies.map((reply) => reply.element));
  byId("turns").prepend(turn);
  followUp(null);
  field.value = "";
  running = new AbortController();
  busy(true);
  const { signal } = running;
  await Promise.all(replies.map((reply, place) => receive(reply, requests[place], signal)));
  running = null;
  busy(false);
  if (replies.every((reply) => reply.answer)) {
    store.add({ question, replies: replies.map((reply) => reply.answer) });
    announce(say("answer_here"));
  } else if (!field.value) field.value = question; // so that it can be asked again
}

function busy(now) {
  byId("go").hidden = now;
  byId("stop").hidden = !now;
  byId("nothing").hidden = true;
}

function showTurn(question, replies) {
  const turn = byId("turn-template").content.cloneNode(true).firstElementChild;
  turn.querySelector(".asked").textContent = question;
  turn.querySelector(".replies").append(...replies);
  turn.classList.toggle("beside", replies.length > 1);
  return turn;
}

function followUp(question, answer) {
  follows = question === null ? null : { question, answer };
  byId("follows").hidden = follows === null;
  byId("follows").querySelector("q").textContent = question ?? "";
  if (follows) field.focus();
}

// -- what the browser keeps -----------------------------------------------------------------

function showEarlier() {
  const turns = store.turns();
  byId("earlier").hidden = turns.length === 0;
  byId("earlier-turns").replaceChildren(...turns.map(earlier));
}

function earlier({ question, replies }) {
  const details = byId("earlier-template").content.cloneNode(true).firstElementChild;
  details.querySelector("summary").textContent = question;
  details.addEventListener("toggle", () => {
    if (!details.open || details.querySelector(".turn")) return;
    const shown = replies.map((answer) => {
      const reply = new Reply(question, String(answer.generation), followUp);
      reply.finish(answer);
      return reply.element;
    });
    details.append(showTurn(question, shown));
  });
  return details;
}

byId("clear").addEventListener("click", () => {
  store.clear();
  showEarlier();
  announce(say("cleared"));
  field.focus();
});

// -- the form and the keys ------------------------------------------------------------------

form.addEventListener("submit", (event) => {
  event.preventDefault();
  const question = field.value.trim();
  if (question && !running) ask(question);
});
byId("stop").addEventListener("click", () => running?.abort());
byId("follows").querySelector("button").addEventListener("click", () => {
  followUp(null);
  field.focus();
});
byId("closed").addEventListener("change", (event) => {
  byId("document").disabled = event.target.checked;
});
byId("document").addEventListener("change", ({ target }) => {
  const known = [...byId("documents").options].some((one) => one.value === target.value.trim());
  target.setCustomValidity(known || !target.value.trim() ? "" : say("no_document"));
});
field.addEventListener("keydown", (event) => {
  if (event.key === "Enter" && !event.shiftKey && !event.isComposing) {
    event.preventDefault();
    form.requestSubmit();
  }
});
document.addEventListener("keydown", (event) => {
  const typing = event.target.matches("input, textarea, select");
  if (event.key === "/" && !typing && !event.ctrlKey && !event.metaKey && !event.altKey) {
    event.preventDefault();
    field.focus();
  } else if (event.key === "Escape") {
    if (running) running.abort();
    else followUp(null);
  }
});

// -- the choices ----------------------------------------------------------------------------

async function fillChoices() {
  const [run, documents] = await Promise.all([get("/api/run"), get("/api/documents")]);
  const numbers = run.generations.map((one) => one.generation).filter((number) => number > 0);
  for (const number of numbers.reverse()) {
    const leads = number === run.leader ? "generation_leads" : "generation";
    byId("model").append(new Option(say(leads, number), String(number)));
  }
  byId("documents").replaceChildren(...documents.map((one) => new Option(one.path)));
}

showEarlier();
fillChoices().catch((error) => announce(error.message));
