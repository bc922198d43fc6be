// Calls of the service. `Problem` has a text for people.

import { say } from "./words.js";

export class Problem extends Error {}

async function call(path, options = {}) {
  let response;
  try {
    response = await fetch(path, options);
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Problem(say("no_service"));
  }
  if (response.ok) return response;
  if (response.status === 401) location.assign(`/login?to=${location.pathname}`);
  if (response.status === 429) throw new Problem(say("busy"));
  let text = `${response.status} ${response.statusText}`;
  try {
    text = (await response.json()).error.message;
  } catch {
    // Something between the browser and the service answered: its status is all there is.
  }
  throw new Problem(text);
}

export async function get(path) {
  return (await call(path)).json();
}

function posted(body, signal) {
  const headers = { "Content-Type": "application/json" };
  return { method: "POST", headers, body: JSON.stringify(body), signal };
}

export async function post(path, body) {
  return (await call(path, posted(body))).json();
}

// Send a file as it is.
export async function upload(path, file) {
  const headers = { "Content-Type": "application/octet-stream" };
  return (await call(path, { method: "POST", headers, body: file })).json();
}

// Ask a question; yields [name, value] of each event as it comes.
export async function* events(body, signal) {
  const response = await call("/api/ask", posted(body, signal));
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let held = "";
  for (;;) {
    let part;
    try {
      part = await reader.read();
    } catch (error) {
      if (error.name === "AbortError") throw error;
      throw new Problem(say("interrupted"));
    }
    if (part.done) return;
    const blocks = (held + part.value).split("\n\n");
    held = blocks.pop();
    for (const block of blocks) {
      const found = block.match(/^event: (\w+)\ndata: (.*)$/s);
      if (found) yield [found[1], JSON.parse(found[2])];
    }
  }
}
