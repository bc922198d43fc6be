// The second page: while the run is not complete, the server's page is fetched again and again.

import "./settings.js";

const PAUSE = 5000; // milliseconds

async function refresh() {
  try {
    const response = await fetch("/run");
    if (response.ok) {
      const made = new DOMParser().parseFromString(await response.text(), "text/html");
      document.getElementById("live").replaceWith(made.getElementById("live"));
    }
  } catch {
    // The service may be away for a moment: the page shows the last state, and asks again.
  }
  wait();
}

function wait() {
  const { state } = document.getElementById("live").dataset;
  if (state === "unfinished") setTimeout(refresh, PAUSE);
}

wait();
