// The words of the page, in its language; `say` puts values in the places %s, %n, %p and others.

const table = JSON.parse(document.getElementById("words").textContent);

export function say(key, values = {}) {
  const given = typeof values === "object" ? values : { s: values };
  return table[key].replace(/%([snpabk])/g, (_, name) => given[name] ?? "");
}

const chinese = document.documentElement.lang.startsWith("zh");

// Sentences one after the other, and the items of a list: Chinese needs no space between them.
export const sentences = (some) => some.filter(Boolean).join(chinese ? "" : " ");
export const listed = (some) => some.join(chinese ? "、" : ", ");

// For screen readers: what has happened.
export function announce(text) {
  document.getElementById("status").textContent = text;
}
