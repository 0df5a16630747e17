// What script adds to pages that work without it. No state, no requests.
const form = document.getElementById("form");
const valid = /^[A-Za-z0-9-]{16,48}$/;

// The address of a form shown by a POST, so that a reload asks for nothing again.
if (document.body.dataset.url) history.replaceState(null, "", document.body.dataset.url);

const wrong =
  document.getElementById("error-summary") || document.querySelector("[aria-invalid]");
if (wrong && self === top) wrong.focus();

// Whoever is signed in to the app already may go on as that: see account.js.
try {
  const { resume, client } = document.body.dataset;
  if (resume && localStorage.getItem(`credentials_${client}`)) {
    const script = document.createElement("script");
    script.type = "module";
    script.src = resume;
    document.body.append(script);
  }
} catch (refusal) {
  // Storage is refused: nobody is.
}

// TCB should see the browser's own device_id, the one that the SDK sends.
try {
  const field = form && form.elements.device_id;
  const own = localStorage.getItem("device_id");
  if (field && valid.test(own)) field.value = own;
  else if (field) localStorage.setItem("device_id", field.value);
} catch (refusal) {
  // Storage is refused: the server's device_id will do.
}

// A captcha that the SDK has had solved here, and that is still good, need not be solved again.
if (form)
  form.addEventListener("submit", () => {
    try {
      const solved = JSON.parse(localStorage.getItem(`captcha_${document.body.dataset.client}`));
      if (!solved || !solved.captcha_token || !(new Date(solved.expires_at) > Date.now())) return;
      const field = form.elements.captcha_sdk || document.createElement("input");
      Object.assign(field, { type: "hidden", name: "captcha_sdk", value: solved.captcha_token });
      form.append(field);
    } catch (refusal) {
      // Storage is refused, or holds something else.
    }
  });

// The other countries come when somebody asks for them. Where they do not, the form does, sent as it
// is.
const country = document.querySelector("[data-countries]");
if (country) {
  let chosen = country.value;
  country.addEventListener("change", async () => {
    if (country.value !== "other") return void (chosen = country.value);
    try {
      const all = await (await fetch(country.dataset.countries)).json();
      country.replaceChildren(...all.map(([value, label]) => new Option(label, value)));
      country.value = chosen;
      country.focus();
      if (country.showPicker) country.showPicker();
    } catch (refusal) {
      // No list, or a browser that opens none by itself.
    }
  });
}

for (const button of document.querySelectorAll("[data-show]")) {
  const input = document.getElementById(button.dataset.show);
  const show = (on) => {
    input.type = on ? "text" : "password";
    button.setAttribute("aria-pressed", on);
  };
  const caps = input.closest(".field").querySelector(".caps");
  const check = (e) => {
    // Filling a field in makes an event that knows of no keys.
    const on = e.getModifierState && e.getModifierState("CapsLock");
    caps.textContent = on ? caps.dataset.text : "";
  };
  button.hidden = false;
  button.addEventListener("click", () => show(input.type === "password"));
  form.addEventListener("submit", () => show(false));
  input.addEventListener("keydown", check);
  input.addEventListener("keyup", check);
}

// The rules of a new password, as far as it meets them.
for (const rules of document.querySelectorAll(".rules")) {
  const input = document.getElementById(rules.id.replace("-help", ""));
  input.addEventListener("input", () => {
    for (const rule of rules.querySelectorAll("[data-rule]"))
      rule.classList.toggle("met", new RegExp(rule.dataset.rule, "u").test(input.value.normalize()));
  });
}

// Once is enough: a second click sends nothing. Nor does one without a network, so that the page
// stays; and what takes long says so.
let busy = false;
let late;
const say = (what) => {
  const status = document.getElementById("form-status");
  if (status) status.textContent = what ? status.dataset[what] : "";
};
addEventListener("online", () => say());
if (form)
  form.addEventListener("submit", (e) => {
    const pressed = e.submitter;
    const button =
      pressed && !pressed.hasAttribute("aria-hidden") ? pressed : form.querySelector(".primary");
    if (busy || button.getAttribute("aria-disabled") === "true") return e.preventDefault();
    if (navigator.onLine === false) {
      say("offline");
      return e.preventDefault();
    }
    busy = true;
    late = setTimeout(() => say("late"), 5000);
    // Whoever stopped the page may press again, and sooner where a file comes and the page stays.
    setTimeout(() => dispatchEvent(new Event("pageshow")), +button.dataset.again || 20000);
    button.setAttribute("aria-busy", "true");
    if (button.dataset.busy) button.setAttribute("aria-label", button.dataset.busy);
  });
addEventListener("pageshow", () => {
  busy = false;
  clearTimeout(late);
  say();
  for (const button of document.querySelectorAll("[aria-busy]")) {
    button.removeAttribute("aria-busy");
    button.removeAttribute("aria-label");
  }
});

// A code that is pasted with its message is found here where the message has no other number of three
// digits or more. Otherwise it stays: the server reads the words too (identifier/code.go).
const code = document.getElementById("verification_code");
if (code)
  code.addEventListener("input", (e) => {
    if (e.isComposing) return;
    const plain = code.value
      .normalize("NFKC")
      .replace(/[٠-٩۰-۹]/g, (digit) => digit.charCodeAt() & 15)
      .replace(/\p{Cf}/gu, "");
    const numbers = plain.split(/\D+/).filter((number) => number.length > 2);
    const found = numbers.length === 1 && numbers[0].length === 6;
    const rest = plain.replace(/[\s\p{Pd}\u2212]/gu, "");
    const digits = rest.replace(/\D/g, "");
    // What is no digit is typed by mistake, one at a time, and so is a seventh one.
    const most = e.inputType === "insertText" ? 7 : 6;
    const typed = digits.length <= most && rest.length - digits.length < 2;
    const text = found ? numbers[0] : typed ? digits.slice(0, 6) : code.value;
    if (text !== code.value) code.value = text;
  });

// The server counts the wait; this shows it going by.
const resend = document.querySelector("[data-wait]");
if (resend) {
  const words = resend.querySelector("span") || resend;
  const label = words.textContent;
  const end = Date.now() + resend.dataset.wait * 1000;
  const tick = () => {
    const left = Math.ceil((end - Date.now()) / 1000);
    resend.setAttribute("aria-disabled", left > 0);
    words.textContent = left > 0 ? resend.dataset.waiting.replace("{n}", left) : label;
    if (left > 0) setTimeout(tick, 250);
    else document.getElementById("resend-status").textContent = resend.dataset.ready;
  };
  tick();
}
