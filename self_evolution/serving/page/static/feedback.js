// Right, wrong, or a better answer: the service keeps it, and says so.

import { post } from "./service.js";
import { say } from "./words.js";

export function takeFeedback(reply, question, answer) {
  const told = reply.querySelector(".told");
  const form = reply.querySelector("form.better");
  const better = reply.querySelector("[data-verdict=better]");
  const buttons = [...reply.querySelectorAll("[data-verdict]")];

  const send = async (verdict, text = "") => {
    buttons.forEach((button) => (button.disabled = true));
    try {
      await post("/api/feedback", {
        verdict,
        question,
        answer: answer.text,
        better: text,
        generation: answer.generation,
        fragments: answer.sources.map((source) => source.fragment),
      });
      told.textContent = say(`kept_${verdict}`);
      buttons.forEach((one) => one.setAttribute("aria-pressed", one.dataset.verdict === verdict));
      return true;
    } catch (error) {
      told.textContent = say("not_kept", error.message);
      return false;
    } finally {
      buttons.forEach((button) => (button.disabled = false));
    }
  };

  const open = (shown) => {
    form.hidden = !shown;
    better.setAttribute("aria-expanded", String(shown));
    (shown ? form.querySelector("textarea") : better).focus();
  };

  buttons.forEach((button) => {
    const { verdict } = button.dataset;
    button.addEventListener("click", () => (verdict === "better" ? open(form.hidden) : send(verdict)));
  });
  form.querySelector(".cancel").addEventListener("click", () => open(false));
  form.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    event.stopPropagation();
    open(false);
  });
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    if (await send("better", form.querySelector("textarea").value.trim())) open(false);
  });
}
