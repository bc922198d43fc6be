// The page of a run: while it is not complete, the server's page is fetched again and again.

import "./settings.js";
import { post } from "./service.js";

const PAUSE = 2000; // milliseconds
const form = document.getElementById("stop-run"); // not there before the run has begun

async function refresh() {
  try {
    const response = await fetch(location.pathname);
    if (response.ok) {
      const made = new DOMParser().parseFromString(await response.text(), "text/html");
      if (!form && made.getElementById("stop-run")) return location.reload(); // it has begun
      const old = document.getElementById("live");
      const live = made.getElementById("live");
      if (live.outerHTML !== old.outerHTML) old.replaceWith(live);
    }
  } catch {
    // The service may be away for a moment: the page shows the last state, and asks again.
  }
  wait();
}

function wait() {
  const { state, running, stopping } = document.getElementById("live").dataset;
  if (form) {
    form.hidden = !running;
    form.querySelector("button").disabled = Boolean(stopping);
  }
  if (state === "unfinished") setTimeout(refresh, PAUSE);
}

form?.addEventListener("submit", async (event) => {
  event.preventDefault();
  const problem = form.querySelector(".problem");
  problem.hidden = true;
  try {
    await post(form.dataset.path, {});
    form.querySelector("button").disabled = true;
  } catch (error) {
    problem.textContent = error.message;
    problem.hidden = false;
  }
});

wait();
