// Keeps our pages and the SDK's login in localStorage together: takes that login
// over, refreshes it where it has run out, and lets nobody's page be seen while
// the browser is somebody else's. Never deletes a key of the SDK's.

const data = document.getElementById("guard");
const guard = data && JSON.parse(data.textContent);
for (const name of guard ? ["session", "here", "sign_in"] : []) {
  // The query string that these share stands in the page once.
  guard[name] = guard[name] && guard[name].replace("^", () => guard.query);
}
const root = document.documentElement;
const patience = 3000; // for what another tab is about to store

// The claims of an access token, for whose it is.
const payload = (token) => {
  try {
    const part = token.split(".")[1].replace(/-/g, "+").replace(/_/g, "/");
    const bytes = Uint8Array.from(atob(part), (c) => c.charCodeAt(0));
    return JSON.parse(new TextDecoder().decode(bytes));
  } catch (unreadable) {
    return {};
  }
};

// TCB's tokens have at most 4096 characters.
const isToken = (value) => typeof value === "string" && value !== "" && value.length <= 8192;

// The login of the SDK, or null: also for what somebody else's code has left there, which nobody can
// use. Throws where storage is refused.
function stored(key) {
  try {
    const login = JSON.parse(localStorage.getItem(key));
    if (!login || !isToken(login.access_token)) return null;
    const { refresh_token } = login;
    const usable = { sub: payload(login.access_token).sub, ...login };
    return isToken(refresh_token) ? usable : { ...usable, refresh_token: undefined };
  } catch (refusal) {
    if (refusal instanceof SyntaxError) return null;
    throw refusal;
  }
}

// Whether there is something in a login's place that is none.
function spoilt(key) {
  const value = localStorage.getItem(key);
  return Boolean(value) && value !== "null" && !stored(key);
}

// Whether there is a login in storage in which a member has this value.
function has(key, member, value) {
  const login = stored(key);
  return Boolean(login) && login[member] === value;
}

const expired = (login) => !(new Date(login.expires_at).getTime() > Date.now());

let csrf = guard && guard.csrf_token;

// One tab at a time: the cookies of a hand-off replace those of another one. A
// browser without locks, or a tab that does not let go, is left to the repeats.
async function alone(work) {
  if (!navigator.locks) return work();
  const waiting = new AbortController();
  const timer = setTimeout(() => waiting.abort(), 3 * patience);
  try {
    return await navigator.locks.request("tcb_login", { signal: waiting.signal }, () => {
      clearTimeout(timer);
      return work();
    });
  } catch (failure) {
    if (waiting.signal.aborted) return work();
    throw failure;
  }
}

async function post(url, body, repeat = 0) {
  const answer = await fetch(url, {
    method: "POST",
    credentials: "same-origin",
    headers: { "Content-Type": "application/json", "X-CSRF-Token": csrf },
    body: JSON.stringify(body),
  });
  const said = await answer.json().catch(() => ({}));
  if (said.csrf_token) {
    // The session has another id now.
    csrf = said.csrf_token;
    for (const field of document.querySelectorAll("[name=csrf_token]")) field.value = csrf;
    // Another tab has replaced it: nothing was done yet. Tabs that keep doing so fall out of step.
    if (said.error === "csrf" && repeat < 6) {
      await new Promise((done) => setTimeout(done, Math.random() * 30 * repeat ** 2));
      return post(url, body, repeat + 1);
    }
  }
  return { ok: answer.ok, ...said };
}

// Resolves when another tab has changed the key, or after a while.
const changed = (key) =>
  new Promise((done) => {
    const listening = new AbortController();
    const end = () => {
      listening.abort();
      done();
    };
    const onStorage = (e) => {
      if (e.key === key || e.key === null) end();
    };
    addEventListener("storage", onStorage, { signal: listening.signal });
    setTimeout(end, patience);
  });

const device = () => {
  const id = localStorage.getItem("device_id");
  return id ? { device_id: id } : {};
};

// A refresh of ours can meet one of an app's tab. TCB lets one of the two win;
// the SDK that lost drops its login, also when ours is in its place by then. So
// what we got is kept aside for a minute, for this tab alone, to be put back if
// TCB says that it lives: a sign-out in the app has ended it there as well.
const aside = (key) => `tcb_login_${key}`;

function keepAside(key, login) {
  try {
    sessionStorage.setItem(aside(key), JSON.stringify({ login, until: Date.now() + 60000 }));
  } catch (full) {
    // No room: then it is only in its place.
  }
}

function takeAside(key) {
  try {
    const kept = JSON.parse(sessionStorage.getItem(aside(key)));
    if (kept && kept.until > Date.now()) return kept.login;
    sessionStorage.removeItem(aside(key));
  } catch (refusal) {
    // Nothing was kept.
  }
  return null;
}

// One that is in storage since is newer, whoever put it there: ours is not to
// come back in its place, with a refresh token that has been used.
function outdate(key, login) {
  const kept = takeAside(key);
  if (kept && login && kept.refresh_token !== login.refresh_token)
    sessionStorage.removeItem(aside(key));
}

async function putBack({ key, url }, login) {
  const answer = await post(url, { access_token: login.access_token, ...device() });
  if (answer.ok && localStorage.getItem(key) === null)
    localStorage.setItem(key, JSON.stringify(login));
  if (over(answer)) sessionStorage.removeItem(aside(key));
  return answer;
}

// The login may be as good as ever, which nobody can say for the moment.
const away = (answer) => ["unavailable", "limited"].includes(answer.error);
const over = (answer) => ["invalid_grant", "unauthenticated"].includes(answer.error);

// Hands the browser's login over to our pages. Answers what the server did, or
// null when there is no login. Tokens that TCB does not take any more get one
// more try: another tab may have newer ones, or an access token may have died
// before its time.
async function handOff(place, last = false) {
  const { key, url } = place;
  const login = stored(key);
  if (!login) {
    const kept = takeAside(key);
    return kept ? putBack(place, kept) : null;
  }
  outdate(key, login);
  const { access_token, refresh_token } = login;
  const refresh = refresh_token && (last || expired(login));
  const tokens = refresh ? { access_token, refresh_token } : { access_token };
  const answer = await post(url, { ...tokens, ...device() });
  if (answer.credentials) {
    const end = Date.now() + (answer.credentials.expires_in - 30) * 1000;
    const expires_at = new Date(end).toISOString();
    const fresh = { ...answer.credentials, version: login.version || "v1", expires_at };
    keepAside(key, fresh);
    const now = stored(key);
    if (!now) return putBack(place, fresh);
    if (now.refresh_token !== refresh_token) outdate(key, now);
    else
      try {
        localStorage.setItem(key, JSON.stringify(fresh));
      } catch (full) {
        // Our pages have the login all the same. The app asks for another when what it has is used up,
        // and the page that hands that over says that there is no room.
      }
  }
  if (!over(answer) || last || place.tried) return answer;
  if (refresh && has(key, "access_token", access_token)) {
    await changed(key); // who was faster is about to store what it got
    if (has(key, "access_token", access_token)) return answer;
  }
  return handOff({ ...place, tried: true }, !refresh);
}

// A few times per address: it cures a page whose cookies another tab has
// replaced meanwhile, but a browser that keeps none would go round for ever.
const mark = "tcb_login_again";
const rounds = 5;
function again(url) {
  try {
    const [before, n] = JSON.parse(sessionStorage.getItem(mark)) || [];
    const round = before === url ? n + 1 : 1;
    if (round > rounds) return false;
    sessionStorage.setItem(mark, JSON.stringify([url, round]));
  } catch (refusal) {
    return false;
  }
  location.replace(url);
  return true;
}

const settled = () => {
  try {
    sessionStorage.removeItem(mark);
  } catch (refusal) {
    // It was refused before.
  }
};

function show() {
  settled();
  delete root.dataset.guard;
  if (location.search.includes("done=")) history.replaceState(null, "", guard.here); // said once
  // What is hidden takes no focus.
  const first = document.querySelector("#error-summary") || document.querySelector("[autofocus]");
  if (first && document.activeElement === document.body) first.focus();
}

// When something happened, by the browser's clock and as long ago as people say it within a day. The
// server has written it in UTC. Digits and years are those of the page's other dates.
function tellTimes() {
  const [language] = root.lang.split("-");
  const own = (navigator.languages || []).find((l) => l.split("-")[0] === language);
  const locale = `${own || root.lang}-u-ca-gregory-nu-latn`;
  const ago = new Intl.RelativeTimeFormat(locale, { numeric: "auto" });
  const at = new Intl.DateTimeFormat(locale, { dateStyle: "medium", timeStyle: "short" });
  for (const time of document.querySelectorAll("time")) {
    const moment = new Date(time.getAttribute("datetime"));
    const seconds = Math.floor((Date.now() - moment) / 1000);
    time.textContent = at.format(moment);
    if (seconds < -60 || seconds >= 86400) continue; // a clock may be a little behind TCB's
    time.setAttribute("title", time.textContent);
    if (seconds < 60) time.textContent = ago.format(0, "second");
    else if (seconds < 3600) time.textContent = ago.format(-Math.floor(seconds / 60), "minute");
    else time.textContent = ago.format(-Math.floor(seconds / 3600), "hour");
  }
}

// Who has not named a time zone most likely lives in the browser's.
function presetZone() {
  const zone = document.querySelector("[data-preset]");
  const own = Intl.DateTimeFormat().resolvedOptions().timeZone;
  if (!zone || zone.value || !own) return;
  zone.value = own;
  if (zone.value === own) return;
  zone.append(new Option(own, own));
  zone.value = own;
}

for (const improve of [tellTimes, presetZone]) {
  try {
    improve();
  } catch (old) {
    // A browser that cannot, or a time that is none: what the server has written stays.
  }
}

// What the SDK keeps of the profile is brought up to date.
function updateProfile(login) {
  const key = `user_info_${guard.env_id}`;
  if (!guard.user_info || login.sub !== guard.sub) return;
  const content = { ...guard.user_info, uid: guard.sub };
  const value = JSON.stringify({ version: "localCachev1", content });
  try {
    if (localStorage.getItem(key) !== value) localStorage.setItem(key, value);
  } catch (full) {
    // No room: the SDK asks for itself.
  }
}

async function onGuard() {
  const place = { key: `credentials_${guard.client_id}`, url: guard.session };
  let login;
  try {
    login = stored(place.key);
  } catch (refusal) {
    return show(); // storage is refused: there is no login to differ from
  }
  if (guard.mode !== "hand-off" && login && login.sub === guard.sub) {
    updateProfile(login);
    addEventListener("storage", async (e) => {
      if (e.key !== place.key && e.key !== null) return;
      outdate(place.key, stored(place.key));
      const kept = takeAside(place.key);
      if (!stored(place.key) && kept && kept.sub === guard.sub)
        await alone(() => putBack(place, kept));
      if (!has(place.key, "sub", guard.sub)) location.replace(guard.here);
    });
    return show();
  }
  const answer = await alone(() => handOff(place));
  if (answer && answer.ok) {
    if (again(guard.here)) return;
    return link();
  }
  if (answer && away(answer)) return link("away");
  if (answer && !over(answer) && answer.error !== "other_client") return link();
  const unusable = spoilt(place.key); // which the person is told before they sign in again
  if (unusable && guard.mode === "hand-off") return link();
  if (guard.sub) {
    // The page is of somebody who is not here any more.
    await alone(() => post(place.url, {}));
  }
  if (unusable && again(guard.here)) return;
  settled();
  location.replace(guard.sign_in);
}

// Nothing came of it: the page's own link is what is left, beside why.
function link(why = "failed") {
  settled();
  if (guard.mode !== "hand-off") return location.replace(guard.sign_in);
  const going = document.getElementById("going");
  if (going) going.remove();
  const said = document.getElementById(why);
  if (said) said.hidden = false;
}

const reloadFromMemory = (e) => e.persisted && location.reload();

// Signing out ends the SDK's login too, which may be another than our pages have.
// Nothing is sent before the button: anybody can lead a browser to this page. The
// fields are in the form for the moment in which the browser reads it.
function onSignOut() {
  const key = `credentials_${guard.client_id}`;
  document.addEventListener("submit", (e) => {
    if (e.defaultPrevented || (e.submitter && e.submitter.hasAttribute("formnovalidate"))) return;
    // Whoever comes back to this page is signed out: it asks no more.
    history.replaceState(null, "", guard.sign_in);
    addEventListener("pageshow", reloadFromMemory);
    let login;
    try {
      login = stored(key) || takeAside(key);
    } catch (refusal) {
      // Storage is refused: there is no other login.
    }
    if (!login) return;
    const names = expired(login) ? ["access_token", "refresh_token"] : ["access_token"];
    const fields = names.map((name) => {
      const field = document.createElement("input");
      return Object.assign(field, { type: "hidden", name, value: login[name] || "" });
    });
    e.target.append(...fields);
    setTimeout(() => fields.forEach((field) => field.remove()));
  });
}

// The entry page: a login that the browser has is offered before another is asked for.
async function resume() {
  const { client, resume: script } = document.body.dataset;
  csrf = document.querySelector("[name=csrf_token]").value;
  // The other pages of ours are known by where this script is.
  const here = (page) => new URL(page, new URL(script, location.href)).href + location.search;
  const answer = await alone(() => handOff({ key: `credentials_${client}`, url: here("../session") }));
  if (answer && answer.ok) again(here("../continue"));
}

// A page out of the browser's memory shows nothing before it is asked for again.
if (guard && guard.mode !== "sign-out") {
  addEventListener("pagehide", () => {
    root.dataset.guard = "";
  });
  addEventListener("pageshow", reloadFromMemory);
}

if (document.querySelector("script[data-submit]")) document.getElementById("form").requestSubmit();
else if (guard && guard.mode === "sign-out") onSignOut();
else if (guard) onGuard().catch(link);
else if (document.body.dataset.resume) resume().catch(() => {});
