// Asks what became of the code that the page shows, slower and slower, and shows what each state
// has. The page's own buttons are left for who presses them, and for when asking fails.

const box = document.getElementById("qr");
const form = document.getElementById("form");
const button = (to) => form.querySelector(`button[data-to="${to}"]`);
const first = 2000;
const slowest = 8000;
const open = ["waiting", "scanned"];

let pause = first;
let timer;

function show(state) {
  if (state !== box.dataset.state) pause = first; // somebody is at it
  box.dataset.state = state;
  form.elements.qr_state.value = state;
  for (const part of document.querySelectorAll("[data-in]"))
    part.hidden = !part.dataset.in.split(" ").includes(state);
  button("check").hidden = true; // it is asked for
}

// Hands asking back to the person.
function stop() {
  clearTimeout(timer);
  button("check").hidden = !open.includes(box.dataset.state);
}

async function ask() {
  const answer = await fetch(box.dataset.status, {
    method: "POST",
    credentials: "same-origin",
    headers: { "Content-Type": "application/json", "X-CSRF-Token": form.elements.csrf_token.value },
    body: "{}",
  });
  if (answer.status === 429 || answer.status >= 500) {
    const wait = Number(answer.headers.get("Retry-After")) * 1000;
    pause = Math.min(Math.max(pause * 2, wait), 30000);
    return later();
  }
  if (!answer.ok) return stop();
  show((await answer.json()).state);
  if (open.includes(box.dataset.state)) return later();
  if (box.dataset.state === "confirmed") form.requestSubmit(button("enter"));
}

function later() {
  clearTimeout(timer);
  timer = setTimeout(() => ask().catch(later), pause);
  pause = Math.min(pause * 1.2, slowest);
}

// Nobody scans what cannot be seen.
document.addEventListener("visibilitychange", () => {
  if (!open.includes(box.dataset.state)) return;
  if (document.hidden) return clearTimeout(timer);
  pause = first;
  later();
});

// Asking for another language or another code, or having come back, ends it.
addEventListener("pagehide", () => clearTimeout(timer));
addEventListener("pageshow", (e) => {
  if (e.persisted && open.includes(box.dataset.state)) later();
});

if (open.includes(box.dataset.state)) {
  show(box.dataset.state);
  later();
}
