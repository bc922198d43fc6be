// Language and colours: cookies, so that the server makes the page in them at once.

const YEAR = 365 * 24 * 3600;

function keep(name, value) {
  try {
    document.cookie = `${name}=${value}; path=/; max-age=${value ? YEAR : 0}; SameSite=Strict`;
  } catch {
    // A browser may forbid cookies; then the choice ends with the page.
  }
}

document.getElementById("theme").addEventListener("change", (event) => {
  const value = event.target.value;
  keep("theme", value);
  if (value) document.documentElement.dataset.theme = value;
  else delete document.documentElement.dataset.theme;
});

document.getElementById("language").addEventListener("change", (event) => {
  keep("language", event.target.value);
  location.reload();
});
