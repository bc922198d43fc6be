// Why the model answers like this: the training pairs nearest to the question.

import { post } from "./service.js";
import { where } from "./sources.js";
import { listed, say, sentences } from "./words.js";

export async function showWhy(button, reply) {
  const box = reply.find(".why");
  box.hidden = !box.hidden;
  button.setAttribute("aria-expanded", String(!box.hidden));
  if (box.hidden) return;
  try {
    const found = await post("/api/why", { text: reply.question });
    box.replaceChildren(...tested(found.tested), ...pairs(found.pairs));
  } catch (error) {
    box.textContent = error.message;
  }
}

function line(text, name = "") {
  const made = document.createElement("p");
  made.textContent = text;
  made.className = name;
  return made;
}

const WHO = {
  generated: "why_model",
  trusted: "why_person",
  rewrite: "why_rewrite",
  fragment: "why_fragment",
};

const model = (number) => (number ? say("generation", number) : say("the_base"));

function tested(test) {
  if (!test) return [line(say("why_untested"))];
  const first = test.first_right;
  const when = first === null ? say("why_never") : say("why_first", model(first));
  return [line(say("why_tested", test.question)), line(when)];
}

function pairs(found) {
  if (!found.length) return [line(say("why_nothing"))];
  const list = document.createElement("ol");
  list.append(...found.map(pair));
  return [line(say("why_pairs")), list];
}

function pair(one) {
  const made = document.createElement("li");
  const origin = say(WHO[one.origin]);
  const trained = say("why_trained", listed(one.trained));
  const unused = one.live ? "" : say("why_unused");
  made.append(line(one.question), line(one.answer), line(sentences([origin, trained, unused]), "soft"));
  if (one.source) made.append(line(`${one.source.document} · ${where(one.source)}`, "soft"));
  return made;
}
