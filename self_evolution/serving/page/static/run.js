// The page of a run: while it is not complete, the server's page is fetched again and again.

import "./settings.js";
import { post } from "./service.js";
import { say } from "./words.js";

const PAUSE = 2000; // milliseconds
const stop = document.getElementById("stop-run"); // not there before the run has begun
let shown = document.getElementById("live").outerHTML;

async function refresh() {
  try {
    const response = await fetch(location.pathname);
    if (response.ok) {
      const made = new DOMParser().parseFromString(await response.text(), "text/html");
      if (!stop && made.getElementById("stop-run")) return location.reload(); // it has begun
      const live = made.getElementById("live");
      // What a person has chosen in the page stays, as long as the run stays as it is.
      if (live.outerHTML !== shown) {
        shown = live.outerHTML;
        document.getElementById("live").replaceWith(live);
      }
    }
  } catch {
    // The service may be away for a moment: the page shows the last state, and asks again.
  }
  wait();
}

function wait() {
  const { state, running, stopping } = document.getElementById("live").dataset;
  if (stop) {
    stop.hidden = !running;
    stop.querySelector("button").disabled = Boolean(stopping);
  }
  // A process that has just begun on a complete run makes it unfinished in a moment.
  if (state === "unfinished" || running) setTimeout(refresh, PAUSE);
}

// The forms that stop the run and continue it.
document.addEventListener("submit", async (event) => {
  const form = event.target;
  if (!form.dataset.path) return;
  event.preventDefault();
  const problem = form.querySelector(".problem");
  const button = form.querySelector("button");
  problem.hidden = button.disabled = true;
  try {
    if (form === stop) {
      await post(form.dataset.path, {});
    } else {
      form.querySelector(".told").textContent = say("continuing");
      await post(form.dataset.path, { further: Number(new FormData(form).get("further")) });
      location.reload();
    }
  } catch (error) {
    problem.textContent = error.message;
    problem.hidden = button.disabled = false;
    form.querySelector(".told")?.replaceChildren();
  }
});

wait();
