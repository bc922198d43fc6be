// One answer on the page: it grows while it comes, and then has its deeds.

import { takeFeedback } from "./feedback.js";
import { markdown } from "./markdown.js";
import { showSources } from "./sources.js";
import { showWhy } from "./why.js";
import { say, sentences } from "./words.js";

const template = document.getElementById("reply-template");

export class Reply {
  // `follow` is called with the answer when a person wants to follow up on it.
  constructor(question, model, follow) {
    this.element = template.content.cloneNode(true).firstElementChild;
    this.question = question;
    this.follow = follow;
    this.text = "";
    this.find(".who").textContent = name(model);
  }

  find(selector) {
    return this.element.querySelector(selector);
  }

  // Take an event of the service.
  take(event, value) {
    if (event === "sources") showSources(this.element, value);
    else if (event === "text") {
      this.text += value.text;
      this.find(".answer").replaceChildren(this.text);
    } else if (event === "progress" && value.characters) {
      this.find(".answer .waiting").textContent = say("written", value.characters);
    } else if (event === "done") this.finish(value);
    else if (event === "error") this.fail(say("failed", value.error.message));
  }

  finish(answer) {
    this.answer = answer;
    this.element.removeAttribute("aria-busy");
    this.find(".who").textContent = who(answer.generation);
    this.find(".answer").replaceChildren(markdown(answer.text || say("empty_answer")));
    showSources(this.element, answer.sources, answer.way === "nothing");
    this.tellReliability();
    this.find(".deeds").hidden = !answer.text;
    this.find(".copy").addEventListener("click", () => this.copy());
    this.find(".follow").addEventListener("click", () => this.follow(this.question, answer.text));
    this.find(".why-deed").addEventListener("click", (event) => showWhy(event.target, this));
    // That nothing was found is neither right nor wrong; but there may be a better answer.
    this.element.querySelectorAll("[data-verdict=right], [data-verdict=wrong]").forEach((button) => {
      button.hidden = answer.way === "nothing";
    });
    if (answer.text) takeFeedback(this.element, this.question, answer);
  }

  fail(text) {
    this.element.removeAttribute("aria-busy");
    if (!this.text) this.find(".answer").replaceChildren();
    this.find(".problem").textContent = text;
    this.find(".problem").hidden = false;
  }

  // How the answer was found, and how often answers like it were right, where the service says so.
  tellReliability() {
    const { way, reliability, cut } = this.answer;
    const told = [];
    if (cut) told.push(say("cut"));
    if (way) told.push(say(`way_${way}`));
    if (reliability) {
      const percent = `${Math.round(100 * reliability.right)}%`;
      told.push(say("reliable", { n: reliability.questions, p: percent }));
    } else if (way && way !== "nothing") told.push(say("unknown_reliability"));
    this.find(".sure").textContent = sentences(told);
    this.find(".sure").hidden = told.length === 0;
  }

  async copy() {
    const places = this.answer.sources.map((one) => [one.document, ...one.heading].join(" › "));
    let told = "copied";
    try {
      await navigator.clipboard.writeText([this.answer.text, "", ...places].join("\n").trim());
    } catch {
      told = "not_copied"; // browsers allow it on this machine and over TLS, but not elsewhere
    }
    this.find(".told").textContent = say(told);
  }
}

function name(model) {
  return ["leader", "base"].includes(model) ? say(model) : say("generation", model);
}

function who(generation) {
  return generation === 0 ? say("the_base") : say("generation", generation);
}
