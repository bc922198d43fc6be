// Markdown as elements that are built by hand: text stays text, and nothing of it becomes HTML.

const INLINE = /(`+)(.+?)\1|\*\*(?=\S)(.+?)\*\*/g;

function inline(parent, text) {
  let from = 0;
  for (const found of text.matchAll(INLINE)) {
    parent.append(text.slice(from, found.index));
    const element = document.createElement(found[1] ? "code" : "strong");
    element.textContent = found[2] ?? found[3];
    parent.append(element);
    from = found.index + found[0].length;
  }
  parent.append(text.slice(from));
}

function element(name, lines) {
  const made = document.createElement(name);
  lines.forEach((line, place) => {
    if (place) made.append(document.createElement("br"));
    inline(made, line);
  });
  return made;
}

function list(lines) {
  const first = lines[0].match(/^\s*(?:[-*+]|(\d+)[.)、])\s*/);
  const made = document.createElement(first[1] ? "ol" : "ul");
  if (first[1]) made.start = Number(first[1]);
  for (const line of lines) {
    if (isItem(line)) made.append(element("li", [line.replace(/^\s*(?:[-*+]|\d+[.)、])\s*/, "")]));
    else inline(made.lastChild, ` ${line.trim()}`);
  }
  return made;
}

function table(lines) {
  const made = document.createElement("table");
  for (const line of lines) {
    if (/^[\s|:-]+$/.test(line)) continue;
    const row = made.insertRow();
    for (const cell of line.replace(/^\s*\||\|\s*$/g, "").split("|")) inline(row.insertCell(), cell.trim());
  }
  return made;
}

const isItem = (line) => /^\s*(?:[-*+]\s|\d+[.)]\s|\d+、)/.test(line);
const isRow = (line) => /^\s*\|.*\|\s*$/.test(line);
const isFence = (line) => line.trimStart().startsWith("```");

// Groups of lines that make one element each, with the function that makes it.
function* groups(lines) {
  for (let at = 0; at < lines.length; ) {
    let end = at + 1;
    const until = (ends) => {
      while (end < lines.length && !ends(lines[end])) end += 1;
      return lines.slice(at, end);
    };
    if (!lines[at].trim()) {
      at += 1;
      continue;
    }
    if (isFence(lines[at])) {
      const code = until(isFence).slice(1);
      end += 1;
      yield () => Object.assign(document.createElement("pre"), { textContent: code.join("\n") });
    } else if (isItem(lines[at])) {
      const items = until((line) => !line.trim());
      yield () => list(items);
    } else if (isRow(lines[at])) {
      const rows = until((line) => !isRow(line));
      yield () => table(rows);
    } else {
      const text = until((line) => !line.trim() || isItem(line) || isRow(line) || isFence(line));
      const heading = text[0].match(/^#{1,6}\s+(.*)$/);
      if (heading) {
        const strong = document.createElement("strong");
        strong.textContent = heading[1];
        yield () => {
          const made = element("p", text.slice(1));
          made.prepend(strong, ...(text.length > 1 ? [document.createElement("br")] : []));
          return made;
        };
      } else yield () => element("p", text);
    }
    at = end;
  }
}

export function markdown(text) {
  const made = document.createDocumentFragment();
  for (const make of groups(text.split("\n"))) made.append(make());
  return made;
}
