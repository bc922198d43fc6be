// Start a run: upload the documents one after the other, then have the process begin.

import "./settings.js";
import { post, upload } from "./service.js";
import { say } from "./words.js";

const form = document.getElementById("start");
const find = (selector) => form.querySelector(selector);
let sending = false; // who leaves the page meanwhile is asked, because that would end it

async function start() {
  const name = find("#name").value;
  // All that was chosen counts as it is now, also if it is changed while the documents are sent.
  const recipe = find("#recipe").value;
  const model = find("#model").value;
  const files = [...find("#files").files];
  const path = `/api/runs/${encodeURIComponent(name)}/documents`;
  const kept = [];
  for (const [place, file] of files.entries()) {
    find(".told").textContent = say("uploading", { s: file.name, n: place + 1, p: files.length });
    const answer = await upload(`${path}?file=${encodeURIComponent(file.name)}`, file);
    kept.push(answer.file);
  }
  await post("/api/runs/start", { name, recipe, model, files: kept });
  sending = false;
  location.assign(`/runs/${encodeURIComponent(name)}`);
}

// What is too much is said before it is sent.
function tooMuch() {
  const files = [...find("#files").files];
  const { files: most, file: largest, upload: all } = form.dataset;
  const large = files.find((file) => file.size > Number(largest));
  const size = files.reduce((sum, file) => sum + file.size, 0);
  if (large) return say("too_large", large.name);
  if (files.length > Number(most) || size > Number(all)) return say("too_many");
  return "";
}

form?.addEventListener("submit", async (event) => {
  event.preventDefault();
  const problem = find(".problem");
  const button = find("button");
  problem.textContent = tooMuch();
  problem.hidden = !problem.textContent;
  if (!problem.hidden) return;
  button.disabled = sending = true;
  try {
    await start();
  } catch (error) {
    problem.textContent = say("not_started", error.message);
    problem.hidden = false;
    find(".told").textContent = "";
  } finally {
    button.disabled = sending = false;
  }
});

window.addEventListener("beforeunload", (event) => {
  if (sending) event.preventDefault();
});
