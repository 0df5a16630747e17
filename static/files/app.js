// What script adds to pages that work without it. No state, no requests.
const form = document.getElementById("form");
const valid = /^[A-Za-z0-9-]{16,48}$/;

// The address of a form shown by a POST, so that a reload asks for nothing again.
if (document.body.dataset.url) history.replaceState(null, "", document.body.dataset.url);

if (self === top) document.getElementById("error-summary")?.focus();

// Whoever is signed in to the app already may go on as that: see account.js.
try {
  const { resume, client } = document.body.dataset;
  if (resume && localStorage.getItem(`credentials_${client}`)) import(resume);
} catch {
  // Storage is refused: nobody is.
}

// TCB should see the browser's own device_id, the one that the SDK sends.
try {
  const field = form?.elements.device_id, own = localStorage.getItem("device_id");
  if (field && valid.test(own)) field.value = own;
  else if (field) localStorage.setItem("device_id", field.value);
} catch {
  // Storage is refused: the server's device_id will do.
}

for (const button of document.querySelectorAll("[data-show]")) {
  const input = document.getElementById(button.dataset.show);
  const show = (on) => {
    input.type = on ? "text" : "password";
    button.setAttribute("aria-pressed", on);
  };
  const caps = input.closest(".field").querySelector(".caps");
  const check = (e) => (caps.textContent = e.getModifierState?.("CapsLock") ? caps.dataset.text : "");
  button.hidden = false;
  button.addEventListener("click", () => show(input.type === "password"));
  form.addEventListener("submit", () => show(false));
  input.addEventListener("keydown", check);
  input.addEventListener("keyup", check);
}

// Once is enough: a second click sends nothing.
let busy = false;
form?.addEventListener("submit", (e) => {
  if (busy || e.submitter?.getAttribute("aria-disabled") === "true") return e.preventDefault();
  busy = true;
  setTimeout(() => dispatchEvent(new Event("pageshow")), 20000); // whoever stopped the page may press again
  const button = e.submitter ?? form.querySelector(".primary");
  button.setAttribute("aria-busy", "true");
  if (button.dataset.busy) button.setAttribute("aria-label", button.dataset.busy);
});
addEventListener("pageshow", () => {
  busy = false;
  for (const button of document.querySelectorAll("[aria-busy]")) {
    button.removeAttribute("aria-busy");
    button.removeAttribute("aria-label");
  }
});

const code = document.getElementById("verification_code");
code?.addEventListener("input", (e) => {
  if (e.isComposing) return;
  const digits = code.value.normalize("NFKC").replace(/\D/g, "").slice(0, 6);
  if (digits !== code.value) code.value = digits;
});

// The server counts the wait; this shows it going by.
const resend = document.querySelector("[data-wait]");
if (resend) {
  const label = resend.textContent, end = Date.now() + resend.dataset.wait * 1000;
  const tick = () => {
    const left = Math.ceil((end - Date.now()) / 1000);
    resend.setAttribute("aria-disabled", left > 0);
    resend.textContent = left > 0 ? resend.dataset.waiting.replace("{n}", left) : label;
    if (left > 0) setTimeout(tick, 250);
    else document.getElementById("resend-status").textContent = resend.dataset.ready;
  };
  tick();
}
