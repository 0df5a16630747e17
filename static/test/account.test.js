// How account.js keeps our pages and the SDK's login in localStorage together.
"use strict";

const assert = require("node:assert/strict");
const { test } = require("node:test");
const { Browser, Element, Option, Select, origin } = require("./browser.js");

process.env.TZ = "Asia/Shanghai"; // the browser's time zone

const key = "credentials_shop";
const query = "client_id=shop&price=$&1"; // where replace() would put something for the $&
const here = `/__auth/account?${query}`;
const signIn = `/__auth/sign-in?${query}`;
const session = `/__auth/session?${query}`;
const past = "2020-01-01T00:00:00.000Z", future = "2030-01-01T00:00:00.000Z";

// A login as the SDK keeps it. The numbers tell logins of one person apart.
const login = (sub, n = 1, more) => ({
  access_token: `access-${sub}-${n}`, refresh_token: `refresh-${sub}-${n}`, sub, expires_at: future, version: "v1", ...more,
});

// A token as TCB makes them, for somebody whose name is not ASCII.
const token = (claims) => `e30.${Buffer.from(JSON.stringify(claims)).toString("base64url")}.sig`;

// What the server says when it has taken a login.
const taken = { status: 200, json: {} };
const over = { status: 401, json: { error: "invalid_grant" } };

// A page of the portal, made for somebody, and the login that the browser has.
function portal({ kept, ...more } = {}) {
  const browser = new Browser();
  const guard = {
    client_id: "shop", env_id: "demo", csrf_token: "csrf-1", query,
    session: "/__auth/session?^", here: "/__auth/account?^", sign_in: "/__auth/sign-in?^", sub: "mei", ...more,
  };
  browser.root.dataset.guard = "";
  browser.body.append(
    new Element("script", { id: "guard", type: "application/json" }, JSON.stringify(guard)),
    new Element("form", { id: "form" }, new Element("input", { type: "hidden", name: "csrf_token", value: "csrf-1" })),
    new Element("p", { id: "going" }),
  );
  if (kept) browser.localStorage.setItem(key, JSON.stringify(kept));
  return browser;
}

const shown = (browser) => !("data-guard" in browser.root.attributes);
const going = (browser) => browser.document.getElementById("going");
const inStorage = (browser) => JSON.parse(browser.localStorage.getItem(key));
const bodies = (browser) => browser.requests.map((r) => r.body);

// A tab that has just refreshed mei's login keeps aside what it got. This is its next page.
async function refreshed(more) {
  const before = portal({ kept: login("mei", 1, { expires_at: past }), sub: "" });
  before.answers = [{ status: 200, json: {
    credentials: { access_token: "access-mei-2", refresh_token: "refresh-mei-2", sub: "mei", expires_in: 7200 },
  } }];
  await before.load("account.js");
  const browser = portal(more);
  Object.assign(browser, { sessionStorage: before.sessionStorage, localStorage: before.localStorage });
  await browser.load("account.js");
  assert.ok(more || shown(browser));
  return browser;
}

// Another tab, or the app, changes what is in storage.
async function elsewhere(browser, change) {
  change(browser.localStorage);
  await browser.fire(browser.window, "storage", { key });
}

test("a page of whom the browser is signed in as", async (t) => {
  await t.test("is shown, and nothing is asked", async () => {
    const browser = portal({ kept: login("mei") });
    await browser.load("account.js");
    assert.ok(shown(browser));
    assert.deepEqual(browser.requests, []);
    assert.deepEqual(browser.visits, []);
  });
  await t.test("is known by the token where the SDK has kept no sub", async () => {
    const kept = login("mei", 1, { sub: undefined, access_token: token({ sub: "mei", name: "韩梅梅" }) });
    const browser = portal({ kept });
    await browser.load("account.js");
    assert.ok(shown(browser));
  });
  await t.test("brings the SDK's profile up to date", async () => {
    const browser = portal({ kept: login("mei"), user_info: { sub: "mei", name: "韩梅梅" } });
    await browser.load("account.js");
    assert.deepEqual(JSON.parse(browser.localStorage.getItem("user_info_demo")), {
      version: "localCachev1", content: { sub: "mei", name: "韩梅梅", uid: "mei" },
    });
  });
  await t.test("confirms a change once", async () => {
    const browser = portal({ kept: login("mei") });
    browser.search = "?client_id=shop&done=profile";
    await browser.load("account.js");
    assert.deepEqual(browser.addresses, [here]);
  });
  await t.test("is shown where storage is refused", async () => {
    const browser = portal();
    browser.refuseStorage();
    await browser.load("account.js");
    assert.ok(shown(browser));
    assert.deepEqual(browser.requests, []);
  });
  await t.test("is hidden when it is left, and asked for again when it comes back from memory", async () => {
    const browser = portal({ kept: login("mei") });
    await browser.load("account.js");
    await browser.fire(browser.window, "pagehide");
    assert.ok(!shown(browser));
    await browser.fire(browser.window, "pageshow", { persisted: false });
    assert.equal(browser.reloads, 0);
    await browser.fire(browser.window, "pageshow", { persisted: true });
    assert.equal(browser.reloads, 1);
  });
});

test("a page of somebody else", async (t) => {
  await t.test("is asked for again when the login has been handed over", async () => {
    const browser = portal({ kept: login("li") });
    browser.localStorage.setItem("device_id", "device-1");
    browser.answers = [taken];
    await browser.load("account.js");
    assert.ok(!shown(browser));
    assert.equal(browser.requests[0].url, session);
    assert.equal(browser.requests[0].method, "POST");
    assert.equal(browser.requests[0].headers["X-CSRF-Token"], "csrf-1");
    assert.deepEqual(bodies(browser), [{ access_token: "access-li-1", device_id: "device-1" }]);
    assert.deepEqual(browser.visits, [here]);
    assert.deepEqual(browser.locks, ["tcb_login"]);
    assert.deepEqual(inStorage(browser), login("li"));
  });
  await t.test("ends where nobody is signed in", async () => {
    const browser = portal();
    browser.answers = [taken];
    await browser.load("account.js");
    assert.deepEqual(bodies(browser), [{}]);
    assert.deepEqual(browser.visits, [signIn]);
  });
  await t.test("ends where the login is no JSON, to come back as one that tells", async () => {
    const browser = portal();
    browser.localStorage.setItem(key, "{");
    browser.answers = [taken];
    await browser.load("account.js");
    assert.deepEqual(bodies(browser), [{}]);
    assert.deepEqual(browser.visits, [here]);
    assert.equal(browser.localStorage.getItem(key), "{", "the key is the SDK's");
  });
  await t.test("ends with a login that TCB does not take", async () => {
    const browser = portal({ kept: login("li") });
    browser.answers = [over, over, taken];
    await browser.load("account.js");
    assert.deepEqual(bodies(browser), [
      { access_token: "access-li-1" },
      { access_token: "access-li-1", refresh_token: "refresh-li-1" }, // it may have died before its time
      {},
    ]);
    assert.deepEqual(browser.visits, [signIn]);
    assert.deepEqual(inStorage(browser), login("li"));
  });
  await t.test("ends with a login of another client", async () => {
    const browser = portal({ kept: login("li") });
    browser.answers = [{ status: 403, json: { error: "other_client" } }, taken];
    await browser.load("account.js");
    assert.deepEqual(bodies(browser), [{ access_token: "access-li-1" }, {}]);
    assert.deepEqual(browser.visits, [signIn]);
  });
  await t.test("leads to sign-in when the server is out of order", async () => {
    const browser = portal({ kept: login("li") });
    browser.answers = [{ status: 502 }];
    await browser.load("account.js");
    assert.deepEqual(bodies(browser), [{ access_token: "access-li-1" }]);
    assert.deepEqual(browser.visits, [signIn]);
  });
  await t.test("leads to sign-in when the server cannot be reached", async () => {
    const browser = portal({ kept: login("li") });
    browser.answers = [() => Promise.reject(new TypeError("Failed to fetch"))];
    await browser.load("account.js");
    assert.deepEqual(browser.visits, [signIn]);
  });
});

test("the page that hands a login over", async (t) => {
  const page = (more) => portal({ mode: "hand-off", sub: "", ...more });
  await t.test("leads on, though it is made for the same person", async () => {
    const browser = page({ kept: login("mei"), sub: "mei" });
    browser.answers = [taken];
    await browser.load("account.js");
    assert.deepEqual(browser.visits, [here]);
  });
  await t.test("is left with its own link when that is refused for now", async () => {
    const browser = page({ kept: login("mei") });
    browser.answers = [{ status: 429, json: { error: "limited" } }];
    await browser.load("account.js");
    assert.deepEqual(browser.visits, []);
    assert.equal(going(browser), null);
  });
  await t.test("asks nothing without a login", async () => {
    const browser = page();
    await browser.load("account.js");
    assert.deepEqual(browser.requests, []);
    assert.deepEqual(browser.visits, [signIn]);
  });
  await t.test("goes round five times and no more", async () => {
    const sessionStorage = page().sessionStorage;
    for (let round = 1; round <= 6; round++) {
      const browser = page({ kept: login("mei") });
      browser.sessionStorage = sessionStorage; // of the same tab
      browser.answers = [taken];
      await browser.load("account.js");
      assert.deepEqual(browser.visits, round <= 5 ? [here] : [], `round ${round}`);
      assert.equal(going(browser) === null, round > 5, `round ${round}`);
    }
  });
  for (const [name, end] of [
    ["shown", async (browser) => browser.localStorage.setItem(key, JSON.stringify(login("mei")))],
    ["that ends at sign-in", async () => {}],
  ])
    await t.test(`counts its rounds anew after a page ${name}`, async () => {
      const sessionStorage = page().sessionStorage;
      const inThisTab = (browser) => Object.assign(browser, { sessionStorage });
      for (let round = 1; round <= 6; round++) {
        if (round === 4) {
          const between = inThisTab(portal());
          await end(between);
          await between.load("account.js");
        }
        const browser = inThisTab(page({ kept: login("mei") }));
        browser.answers = [taken];
        await browser.load("account.js");
        assert.deepEqual(browser.visits, [here], `round ${round}`);
      }
    });
});

test("a login that has run out", async (t) => {
  const ranOut = login("li", 1, { expires_at: past });
  const credentials = { access_token: "access-li-2", refresh_token: "refresh-li-2", sub: "li", expires_in: 7200 };
  await t.test("is refreshed, for the SDK too", async () => {
    const browser = portal({ kept: { ...ranOut, version: "v2" } });
    browser.answers = [{ status: 200, json: { credentials } }];
    await browser.load("account.js");
    assert.deepEqual(bodies(browser), [{ access_token: "access-li-1", refresh_token: "refresh-li-1" }]);
    assert.deepEqual(inStorage(browser), {
      ...credentials, version: "v2", expires_at: new Date(browser.clock.now + (7200 - 30) * 1000).toISOString(),
    });
    assert.deepEqual(browser.visits, [here]);
  });
  for (const mode of ["hand-off", undefined])
    await t.test(`is handed over where there is no room for what it became, ${mode || "under somebody's page"}`, async () => {
      const browser = portal({ kept: ranOut, mode, sub: mode ? "" : "mei" });
      browser.body.append(new Element("p", { id: "failed", hidden: "" }));
      browser.localStorage.room = browser.sessionStorage.room = key.length + JSON.stringify(ranOut).length;
      browser.answers = [{ status: 200, json: { credentials: { ...credentials, access_token: "x".repeat(500) } } }];
      await browser.load("account.js");
      assert.deepEqual(inStorage(browser), ranOut);
      assert.deepEqual(browser.visits, [here]);
      // What comes then is the page of that person, to whom storage is not worse than before.
      const next = portal({ sub: "li" });
      next.localStorage = browser.localStorage;
      await next.load("account.js");
      assert.ok(shown(next));
    });
  await t.test("does not replace one that is newer", async () => {
    const browser = portal({ kept: ranOut });
    browser.answers = [() => {
      browser.localStorage.setItem(key, JSON.stringify(login("li", 3)));
      return { status: 200, json: { credentials } };
    }];
    await browser.load("account.js");
    assert.deepEqual(inStorage(browser), login("li", 3));
    assert.deepEqual(browser.visits, [here]);
  });
  await t.test("comes back after the SDK has lost the race and dropped it, while TCB says that it lives", async () => {
    const browser = portal({ kept: ranOut });
    browser.answers = [() => {
      browser.localStorage.removeItem(key);
      return { status: 200, json: { credentials } };
    }, taken];
    await browser.load("account.js");
    assert.deepEqual(bodies(browser)[1], { access_token: "access-li-2" });
    assert.equal(inStorage(browser).refresh_token, "refresh-li-2");
    assert.deepEqual(browser.visits, [here]);
  });
  await t.test("stays away when a sign-out has ended it", async () => {
    const browser = portal({ kept: ranOut });
    browser.answers = [() => {
      browser.localStorage.removeItem(key);
      return { status: 200, json: { credentials } };
    }, over, taken];
    await browser.load("account.js");
    assert.equal(inStorage(browser), null);
    assert.deepEqual(browser.visits, [signIn]);

    const next = portal({ sub: "" });
    next.sessionStorage = browser.sessionStorage;
    await next.load("account.js");
    assert.deepEqual(next.requests, [], "it is not tried again");
  });
  await t.test("is that of another tab, which was faster and is about to store what it got", async () => {
    const browser = portal({ kept: ranOut });
    browser.answers = [over, taken];
    await browser.load("account.js");
    assert.deepEqual(browser.visits, []);
    await elsewhere(browser, (storage) => storage.setItem(key, JSON.stringify(login("li", 2))));
    assert.deepEqual(bodies(browser)[1], { access_token: "access-li-2" });
    assert.deepEqual(browser.visits, [here]);
  });
  await t.test("is over as soon as the app clears storage", async () => {
    const browser = portal({ kept: ranOut });
    browser.answers = [over, taken];
    await browser.load("account.js");
    browser.localStorage.removeItem(key);
    await browser.fire(browser.window, "storage", { key: null });
    assert.deepEqual(browser.visits, [signIn]);
  });
  await t.test("is over when no other tab stores one in time", async () => {
    const browser = portal({ kept: ranOut });
    browser.answers = [over, taken];
    await browser.load("account.js");
    await browser.clock.pass(2999);
    assert.deepEqual(browser.visits, []);
    await browser.clock.pass(1);
    assert.deepEqual(bodies(browser)[1], {});
    assert.deepEqual(browser.visits, [signIn]);
  });
});

test("while a page is shown", async (t) => {
  const open = async () => {
    const browser = portal({ kept: login("mei") });
    await browser.load("account.js");
    assert.ok(shown(browser));
    return browser;
  };
  await t.test("another login of the same person changes nothing", async () => {
    const browser = await open();
    await elsewhere(browser, (storage) => storage.setItem(key, JSON.stringify(login("mei", 2))));
    assert.deepEqual(browser.visits, []);
  });
  await t.test("somebody else's login ends it", async () => {
    const browser = await open();
    await elsewhere(browser, (storage) => storage.setItem(key, JSON.stringify(login("li"))));
    assert.deepEqual(browser.visits, [here]);
  });
  await t.test("a sign-out ends it", async () => {
    const browser = await open();
    await elsewhere(browser, (storage) => storage.removeItem(key));
    assert.deepEqual(browser.requests, []);
    assert.deepEqual(browser.visits, [here]);
  });
  await t.test("so does an app that clears storage", async () => {
    const browser = await open();
    browser.localStorage.removeItem(key);
    await browser.fire(browser.window, "storage", { key: null });
    assert.deepEqual(browser.visits, [here]);
  });
  await t.test("other keys are not its business", async () => {
    const browser = await open();
    browser.localStorage.removeItem(key);
    await browser.fire(browser.window, "storage", { key: "cart" });
    assert.deepEqual(browser.visits, []);
  });

  await t.test("the SDK's late loss of a race is undone", async () => {
    const browser = await refreshed();
    browser.answers = [taken];
    await elsewhere(browser, (storage) => storage.removeItem(key));
    assert.deepEqual(bodies(browser), [{ access_token: "access-mei-2" }]);
    assert.equal(inStorage(browser).refresh_token, "refresh-mei-2");
    assert.deepEqual(browser.visits, []);
  });
  await t.test("not after a minute", async () => {
    const browser = await refreshed();
    await browser.clock.pass(60_001);
    await elsewhere(browser, (storage) => storage.removeItem(key));
    assert.deepEqual(browser.requests, []);
    assert.equal(inStorage(browser), null);
    assert.deepEqual(browser.visits, [here]);
  });
  await t.test("not over a login that the app has got since", async () => {
    const browser = await refreshed();
    await elsewhere(browser, (storage) => storage.setItem(key, JSON.stringify(login("mei", 3))));
    await elsewhere(browser, (storage) => storage.removeItem(key));
    assert.deepEqual(browser.requests, []);
    assert.equal(inStorage(browser), null);
    assert.deepEqual(browser.visits, [here]);
  });
});

test("tabs that replace each other's session", async (t) => {
  const replaced = (n) => ({ status: 403, json: { error: "csrf", csrf_token: `csrf-${n}` } });
  await t.test("repeat with the new token, in the form too", async () => {
    const browser = portal({ kept: login("li") });
    browser.answers = [replaced(2), taken];
    await browser.load("account.js");
    await browser.clock.pass(0);
    assert.deepEqual(browser.requests.map((r) => r.headers["X-CSRF-Token"]), ["csrf-1", "csrf-2"]);
    assert.equal(browser.document.querySelector("[name=csrf_token]").value, "csrf-2");
    assert.deepEqual(browser.visits, [here]);
  });
  await t.test("give up in the end", async () => {
    const browser = portal({ kept: login("li") });
    browser.answers = Array.from({ length: 20 }, (_, n) => replaced(n));
    await browser.load("account.js");
    await browser.clock.pass(10_000);
    assert.equal(browser.requests.length, 7);
    assert.deepEqual(browser.visits, [signIn]);
  });
});

test("one tab at a time", async (t) => {
  await t.test("waits for its turn", async () => {
    const browser = portal({ kept: login("li") });
    browser.answers = [taken];
    let turn;
    browser.navigator.locks.request = async (name, options, work) => {
      await new Promise((done) => (turn = done));
      return work();
    };
    await browser.load("account.js");
    assert.deepEqual(browser.requests, []);
    turn();
    await browser.clock.pass(0);
    assert.deepEqual(browser.visits, [here]);
  });
  await t.test("does not wait for a tab that never lets go", async () => {
    const browser = portal({ kept: login("li") });
    browser.answers = [taken];
    browser.navigator.locks.request = (name, { signal }) =>
      new Promise((done, fail) => signal.addEventListener("abort", () => fail(signal.reason)));
    await browser.load("account.js");
    await browser.clock.pass(8999);
    assert.deepEqual(browser.requests, []);
    await browser.clock.pass(1);
    assert.deepEqual(browser.visits, [here]);
  });
  await t.test("is what a browser without locks does without", async () => {
    const browser = portal({ kept: login("li") });
    browser.answers = [taken];
    delete browser.navigator.locks;
    await browser.load("account.js");
    assert.deepEqual(browser.visits, [here]);
  });
});

test("signing out", async (t) => {
  const open = async (kept) => {
    const browser = portal({ mode: "sign-out", kept });
    const form = browser.document.getElementById("form");
    const button = new Element("button");
    form.append(button);
    await browser.load("account.js");
    return { browser, form, button };
  };
  // What the browser would send: the form's fields at the end of the submit event.
  const sent = async (browser, form, button) => {
    let fields;
    browser.window.addEventListener("submit", () => {
      fields = Object.fromEntries(Object.entries(form.elements).map(([name, field]) => [name, field.value]));
      delete fields.csrf_token;
    });
    await browser.fire(form, "submit", { submitter: button });
    return fields;
  };
  await t.test("does nothing before the button, and shows the page all the while", async () => {
    const { browser } = await open(login("li"));
    await browser.fire(browser.window, "pageshow", { persisted: true });
    assert.deepEqual(browser.requests, []);
    assert.deepEqual(browser.visits, []);
    assert.equal(browser.reloads, 0);
  });
  await t.test("ends the SDK's login too, whose fields do not stay in the page", async () => {
    const { browser, form, button } = await open(login("li"));
    assert.deepEqual(await sent(browser, form, button), { access_token: "access-li-1" });
    assert.ok(form.elements.access_token);
    await browser.clock.pass(0);
    assert.deepEqual(Object.keys(form.elements), ["csrf_token"]);
  });
  await t.test("sends the refresh token of a login that has run out", async () => {
    const { browser, form, button } = await open(login("li", 1, { expires_at: past }));
    assert.deepEqual(await sent(browser, form, button), { access_token: "access-li-1", refresh_token: "refresh-li-1" });
  });
  await t.test("ends a login that the SDK has dropped but that may live", async () => {
    const browser = await refreshed({ mode: "sign-out" });
    browser.localStorage.removeItem(key);
    const form = browser.document.getElementById("form");
    assert.deepEqual(await sent(browser, form, null), { access_token: "access-mei-2" });
  });
  await t.test("sends nothing more without a login", async () => {
    const { browser, form, button } = await open();
    assert.deepEqual(await sent(browser, form, button), {});
  });
  await t.test("sends nothing more where storage is refused", async () => {
    const { browser, form, button } = await open(login("li"));
    browser.refuseStorage();
    assert.deepEqual(await sent(browser, form, button), {});
  });
  await t.test("gives no tokens to the language switch", async () => {
    const { browser, form, button } = await open(login("li"));
    button.setAttribute("formnovalidate", "");
    assert.deepEqual(await sent(browser, form, button), {});
  });
  await t.test("gives no tokens to a form that is not sent", async () => {
    const { browser, form, button } = await open(login("li"));
    form.addEventListener("submit", (e) => e.preventDefault());
    assert.deepEqual(await sent(browser, form, button), {});
  });
});

test("the entry page", async (t) => {
  const entry = (kept) => {
    const browser = new Browser("?client_id=shop&redirect_uri=%2F");
    browser.body.dataset.resume = "/__auth/static/account.js";
    browser.body.dataset.client = "shop";
    browser.body.append(new Element("form", { id: "form" }, new Element("input", { name: "csrf_token", value: "csrf-9" })));
    if (kept) browser.localStorage.setItem(key, JSON.stringify(kept));
    return browser;
  };
  const address = (page) => `${origin}/__auth/${page}?client_id=shop&redirect_uri=%2F`;
  await t.test("hands the browser's login over and offers to go on", async () => {
    const browser = entry(login("li"));
    browser.answers = [taken];
    await browser.load("account.js");
    assert.equal(browser.requests[0].url, address("session"));
    assert.equal(browser.requests[0].headers["X-CSRF-Token"], "csrf-9");
    assert.deepEqual(browser.visits, [address("continue")]);
  });
  await t.test("stays when that is refused", async () => {
    const browser = entry(login("li"));
    browser.answers = [over, over];
    await browser.load("account.js");
    assert.deepEqual(browser.visits, []);
    assert.deepEqual(inStorage(browser), login("li"));
  });
  await t.test("stays when the server cannot be reached", async () => {
    const browser = entry(login("li"));
    browser.answers = [() => Promise.reject(new TypeError("Failed to fetch"))];
    await browser.load("account.js");
    assert.deepEqual(browser.visits, []);
  });
  await t.test("stays without a login", async () => {
    const browser = entry();
    await browser.load("account.js");
    assert.deepEqual(browser.requests, []);
    assert.deepEqual(browser.visits, []);
  });
});

test("a page that sends itself", async () => {
  const browser = new Browser();
  const form = new Element("form", { id: "form" });
  browser.body.append(form, new Element("script", { "data-submit": "" }));
  await browser.load("account.js");
  assert.equal(form.submitted, 1);
});

test("what nobody can use in storage is no login", async (t) => {
  const broken = {
    "a number": "5", "a text": '"x"', "no JSON": "{", "a list": "[1]", "an object": "{}",
    "a number for a token": '{"access_token":5}', "an object for a token": '{"access_token":{"a":1}}',
    "an empty token": '{"access_token":""}', "a token of 200 KB": JSON.stringify({ access_token: "x".repeat(200_000) }),
  };
  for (const [name, value] of Object.entries(broken)) {
    await t.test(`${name} is told, with the way to sign-in`, async () => {
      const browser = portal({ mode: "hand-off", sub: "" });
      browser.body.append(new Element("p", { id: "failed", hidden: "" }));
      browser.localStorage.setItem(key, value);
      await browser.load("account.js");
      assert.deepEqual([browser.requests.length, browser.visits], [0, []]);
      assert.equal(going(browser), null);
      assert.ok(!browser.document.getElementById("failed").hidden);
      assert.equal(browser.localStorage.getItem(key), value); // the SDK's key is the SDK's
    });
  }
  await t.test("nothing, or null, leads to sign-in at once", async () => {
    for (const value of ["", "null"]) {
      const browser = portal({ mode: "hand-off", sub: "" });
      browser.localStorage.setItem(key, value);
      await browser.load("account.js");
      assert.deepEqual([browser.requests.length, browser.visits], [0, [signIn]]);
    }
  });
  await t.test("a page of somebody's is left for the one that tells, but not for ever", async () => {
    const browser = portal();
    browser.localStorage.setItem(key, "5");
    browser.answers = Array(6).fill({ status: 503, json: {} }); // the login is not ended
    for (let i = 0; i < 6; i++) await browser.load("account.js");
    assert.deepEqual(bodies(browser), Array(6).fill({}));
    assert.deepEqual(browser.visits, [...Array(5).fill(here), signIn]);
    assert.ok(!shown(browser));
  });
  await t.test("a refresh token of another kind is none", async () => {
    const browser = portal({ kept: login("mei", 1, { expires_at: past, refresh_token: { a: 1 } }), mode: "hand-off", sub: "" });
    browser.answers = [taken];
    await browser.load("account.js");
    assert.deepEqual(bodies(browser), [{ access_token: "access-mei-1" }]);
  });
  await t.test("a refusal of ours is said", async () => {
    const browser = portal({ kept: login("mei"), mode: "hand-off", sub: "" });
    browser.body.append(new Element("p", { id: "failed", hidden: "" }));
    browser.answers = [{ status: 400, json: { error: "invalid_request" } }];
    await browser.load("account.js");
    assert.equal(going(browser), null);
    assert.ok(!browser.document.getElementById("failed").hidden);
  });
  for (const [status, error] of [[503, "unavailable"], [429, "limited"]])
    await t.test(`a good login is not called useless when it cannot be looked at: ${error}`, async () => {
      const browser = portal({ kept: login("mei"), mode: "hand-off", sub: "" });
      for (const id of ["failed", "away"]) browser.body.append(new Element("p", { id, hidden: "" }));
      browser.answers = [{ status, json: { error } }];
      await browser.load("account.js");
      assert.equal(going(browser), null);
      assert.deepEqual(["failed", "away"].map((id) => browser.document.getElementById(id).hidden), [true, false]);
      assert.deepEqual(browser.visits, []);
    });
});

test("when something happened", async (t) => {
  // The time in a page of a language, where the browser speaks others; what is written, and its title.
  async function told(datetime, lang = "zh-CN", ...speaks) {
    const browser = portal({ kept: login("mei") });
    const time = new Element("time", { datetime }, "as the server wrote it");
    browser.root.lang = lang;
    browser.navigator.languages = speaks;
    browser.body.append(time);
    await browser.load("account.js");
    assert.ok(shown(browser));
    return [time.textContent, time.getAttribute("title")];
  }
  // It is 2 January 2026, 03:04:05 UTC.
  await t.test("is in the browser's time zone", async () => {
    assert.deepEqual(await told("2025-12-31T18:30:00Z"), ["2026年1月1日 02:30", null]);
  });
  await t.test("is told as long ago within a day", async () => {
    assert.deepEqual(await told("2026-01-02T03:03:30Z"), ["现在", "2026年1月2日 11:03"]);
    assert.deepEqual(await told("2026-01-02T03:00:00Z"), ["4分钟前", "2026年1月2日 11:00"]);
    assert.deepEqual(await told("2026-01-01T03:05:00Z"), ["23小时前", "2026年1月1日 11:05"]);
    assert.deepEqual(await told("2026-01-01T03:04:00Z"), ["2026年1月1日 11:04", null]);
  });
  await t.test("may be a little ahead of the browser's clock, and no more", async () => {
    assert.equal((await told("2026-01-02T03:05:00Z"))[0], "现在");
    assert.deepEqual(await told("2026-01-02T04:04:05Z"), ["2026年1月2日 12:04", null]);
  });
  await t.test("is in the page's language, as the browser's country writes it", async () => {
    assert.equal((await told("2025-12-31T18:30:00Z", "en", "de-DE", "en-GB"))[0], "1 Jan 2026, 02:30");
    assert.equal((await told("2026-01-02T01:04:00Z", "ja", "en-GB"))[0], "2 時間前");
    assert.match((await told("2025-12-31T18:30:00Z", "ar"))[0], /2026/); // the page's digits, whatever the country's
  });
  await t.test("stays as the server wrote it where it is no time, or the browser is old", async () => {
    assert.equal((await told("lately"))[0], "as the server wrote it");
    assert.equal((await told("2025-12-31T18:30:00Z", "no language"))[0], "as the server wrote it");
  });
});

test("a time zone", async (t) => {
  async function preset(attributes, ...zones) {
    const browser = portal({ kept: login("mei") });
    const select = new Select("select", { name: "zoneinfo", ...attributes });
    select.append(new Option("Not set", ""), ...zones.map((zone) => new Option(zone, zone)));
    browser.body.append(select);
    if (attributes.is) select.value = attributes.is;
    await browser.load("account.js");
    return select;
  }
  await t.test("is the browser's where none is set", async () => {
    assert.equal((await preset({ "data-preset": "" }, "UTC", "Asia/Shanghai")).value, "Asia/Shanghai");
    const select = await preset({ "data-preset": "" }, "UTC");
    assert.deepEqual([select.value, select.children.length], ["Asia/Shanghai", 3]);
  });
  await t.test("stays where one is set, and where the form was sent before", async () => {
    assert.equal((await preset({ "data-preset": "", is: "UTC" }, "UTC", "Asia/Shanghai")).value, "UTC");
    assert.equal((await preset({}, "UTC", "Asia/Shanghai")).value, "");
  });
});

test("the focus comes to a page that was hidden", async (t) => {
  async function focused(...elements) {
    const browser = portal({ kept: login("mei") });
    browser.body.append(...elements);
    return browser;
  }
  const field = () => new Element("input", { autofocus: "" });
  await t.test("to its field", async () => {
    const first = field();
    await (await focused(first)).load("account.js");
    assert.ok(first.focused);
  });
  await t.test("to what is wrong before that", async () => {
    const first = field(), wrong = new Element("div", { id: "error-summary" });
    await (await focused(first, wrong)).load("account.js");
    assert.ok(wrong.focused && !first.focused);
  });
  await t.test("and is not taken from where the person is already", async () => {
    const first = field();
    const browser = await focused(first);
    browser.document.activeElement = new Element("input");
    await browser.load("account.js");
    assert.ok(!first.focused);
  });
});

test("back after a sign-out leads to sign-in, and not to the question", async () => {
  const browser = portal({ mode: "sign-out", kept: login("mei") });
  const form = browser.document.getElementById("form");
  await browser.load("account.js");
  assert.deepEqual(browser.addresses, []); // nobody has pressed anything
  await browser.fire(form, "submit", { submitter: new Element("button", { formnovalidate: "" }) });
  assert.deepEqual(browser.addresses, []);
  await browser.fire(form, "submit", { submitter: new Element("button") });
  assert.deepEqual(browser.addresses, [signIn]);
  await browser.fire(browser.window, "pageshow", { persisted: true });
  assert.equal(browser.reloads, 1);
});
