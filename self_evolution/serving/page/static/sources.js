// The sources of an answer: where each passage stands, and the whole of it, opened in place.

import { get } from "./service.js";
import { say } from "./words.js";

export function showSources(reply, sources, nearest = false) {
  const box = reply.querySelector(".sources");
  box.querySelector("h3").textContent = say(nearest ? "nearest" : "sources");
  box.querySelector("ol").replaceChildren(...sources.map(item));
  box.querySelector(".none").textContent = say(nearest ? "none_found" : "no_sources");
  box.querySelector(".none").hidden = sources.length > 0;
}

// "3 · Alarms › Fan failure", after the document.
export function where(source) {
  const parts = [source.heading.join(" › ")];
  if (source.page !== null) parts.unshift(say("page", source.page));
  return parts.filter(Boolean).join(" · ");
}

function item(source) {
  const made = document.getElementById("source-template").content.cloneNode(true).firstElementChild;
  const button = made.querySelector(".place");
  const passage = made.querySelector(".passage");
  made.querySelector(".document").textContent = source.document;
  made.querySelector(".where").textContent = where(source);
  if (source.mark) made.querySelector(".opening").append(sentence(source.mark));
  else made.querySelector(".opening").textContent = source.opening;
  button.addEventListener("click", () => {
    const open = passage.hidden;
    button.setAttribute("aria-expanded", String(open));
    passage.hidden = !open;
    made.querySelector(".opening").hidden = open;
    if (open && !passage.hasChildNodes()) load(passage, source);
  });
  return made;
}

async function load(box, source) {
  box.textContent = say("opening_passage");
  try {
    const found = await get(`/api/fragments/${encodeURIComponent(source.fragment)}`);
    box.replaceChildren(text(found, source.mark));
    step(box, found.before, "before");
    step(box, found.after, "after");
  } catch (error) {
    box.textContent = say("no_passage", error.message);
  }
}

// A button that shows the neighbour of a passage, in the same place.
function step(box, id, side) {
  if (!id) return;
  const put = (node) => (side === "before" ? box.prepend(node) : box.append(node));
  const button = document.createElement("button");
  button.type = "button";
  button.textContent = say(`passage_${side}`);
  button.addEventListener("click", async () => {
    try {
      const found = await get(`/api/fragments/${encodeURIComponent(id)}`);
      const made = text(found);
      button.remove();
      put(made);
      step(box, found[side], side);
      made.focus();
    } catch (error) {
      button.textContent = say("no_passage", error.message);
    }
  });
  put(button);
}

// The text of a passage. Offsets count characters, and not UTF-16 units as JavaScript does.
function text(found, mark) {
  const made = document.createElement("div");
  made.className = "text";
  made.tabIndex = -1;
  made.lang = found.language;
  if (mark) {
    const characters = Array.from(found.text);
    const before = characters.slice(0, mark.start).join("");
    made.append(before, sentence(mark), characters.slice(mark.end).join(""));
  } else made.textContent = found.text;
  return made;
}

// The sentence that supports the answer, with the words in it that say the same.
function sentence(mark) {
  const made = document.createElement("mark");
  const characters = Array.from(mark.sentence);
  let from = 0;
  for (const [start, end] of mark.spans) {
    const word = document.createElement("strong");
    word.textContent = characters.slice(start, end).join("");
    made.append(characters.slice(from, start).join(""), word);
    from = end;
  }
  made.append(characters.slice(from).join(""));
  return made;
}
