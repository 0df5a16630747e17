// How complete.js hands a login over to the app's SDK.
"use strict";

const assert = require("node:assert/strict");
const { test } = require("node:test");
const { Browser, Element } = require("./browser.js");

const completion = {
  env_id: "demo", client_id: "shop", redirect_uri: "https://app.example.com/orders", back: "/__auth/sign-in",
  credentials: { access_token: "access", refresh_token: "refresh", sub: "mei", expires_in: 7200 },
  user_info: { sub: "mei", name: "韩梅梅", picture: "x".repeat(2000) },
};

function page(room = Infinity) {
  const browser = new Browser();
  browser.body.append(
    new Element("script", { id: "completion", type: "application/json" }, JSON.stringify(completion)),
    new Element("p", { id: "going" }),
    new Element("div", { id: "refused", hidden: "" }),
    new Element("button", { id: "retry", hidden: "" }),
  );
  browser.localStorage.room = room;
  return browser;
}

test("a login is handed over", async (t) => {
  await t.test("with the profile, where there is room", async () => {
    const browser = page();
    await browser.load("complete.js");
    assert.equal(JSON.parse(browser.localStorage.getItem("credentials_shop")).access_token, "access");
    assert.equal(JSON.parse(browser.localStorage.getItem("user_info_demo")).content.uid, "mei");
    assert.deepEqual(browser.visits, [completion.redirect_uri]);
  });
  await t.test("without it, where the credentials alone fit", async () => {
    const browser = page(1000);
    browser.localStorage.setItem("user_info_demo", "the one before");
    await browser.load("complete.js");
    assert.equal(JSON.parse(browser.localStorage.getItem("credentials_shop")).refresh_token, "refresh");
    assert.equal(browser.localStorage.getItem("user_info_demo"), null); // nobody else's either
    assert.deepEqual(browser.visits, [completion.redirect_uri]);
  });
  await t.test("not, where they do not: the page says so, and tries again", async () => {
    const browser = page(50);
    await browser.load("complete.js");
    assert.deepEqual(browser.visits, []);
    assert.ok(!browser.document.getElementById("refused").hidden);
    browser.localStorage.room = Infinity;
    browser.document.getElementById("retry").onclick();
    assert.deepEqual(browser.visits, [completion.redirect_uri]);
  });
});
