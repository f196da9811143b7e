// The entry page for a URL: `?url=` fills the form in.

import { Desk } from "./desk.js";
import { removeStale } from "./image.js";

const desk = new Desk(document.getElementById("desk"));
const form = document.getElementById("where"), field = document.getElementById("url");

field.value = new URLSearchParams(location.search).get("url") ?? "";
form.addEventListener("submit", (event) => {
  event.preventDefault();
  desk.open(field.value, { called: field.value, overNetwork: true });
});

removeStale();
