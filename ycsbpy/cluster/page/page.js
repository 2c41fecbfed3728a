"use strict";
// Fetches the picture anew every two seconds; it is made by the server, so that what is shown is what PD said.
const EVERY_MS = 2000;
const picture = document.getElementById("picture");

async function refresh() {
  try {
    const answer = await fetch("/dashboard/picture", { cache: "no-store" });
    if (!answer.ok) throw new Error(answer.statusText);
    picture.innerHTML = await answer.text();
    document.body.classList.remove("away");
  } catch {
    document.body.classList.add("away");
  }
}

async function forever() {
  await refresh();
  setTimeout(forever, EVERY_MS);
}

forever();
