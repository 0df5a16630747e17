import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";
import { api, control, lastCode } from "./emulator.mjs";

beforeEach(() => control("POST", "reset")); // the users of users.json again, and nothing sent

test("Alice signs in with her password", async () => {
  const login = await api("POST", "/v1/signin", { username: "alice", password: "Alice-pass-1" });
  const me = await api("GET", "/v1/user/me", undefined, login.access_token);
  assert.equal(me.name, "Alice");
  assert.deepEqual(me.groups, [{ id: "admin" }]);
});

test("Bo signs in with the code that was sent to him", async () => {
  const phone = "+86 13800000000";
  const { verification_id } = await api("POST", "/v1/verification", { phone_number: phone, target: "USER" });
  const verification_code = await lastCode(phone);
  const { verification_token } = await api("POST", "/v1/verification/verify", { verification_id, verification_code });
  const login = await api("POST", "/v1/signin", { username: phone, verification_token });
  assert.ok(login.access_token);
});

test("a login ends after two hours", async () => {
  const login = await api("POST", "/v1/signin", { username: "alice", password: "Alice-pass-1" });
  await control("PUT", "settings", { clock_offset_s: 2 * 3600 + 1 });
  await assert.rejects(api("GET", "/v1/user/me", undefined, login.access_token), { code: "unauthenticated" });
});

test("TCB fails once", async () => {
  await control("PUT", "settings", { faults: [{ path: "/auth/v1/signin", error: "unavailable", times: 1 }] });
  const signIn = () => api("POST", "/v1/signin", { username: "alice", password: "Alice-pass-1" });
  await assert.rejects(signIn(), { code: "unavailable" });
  assert.ok((await signIn()).access_token);
});

test("somebody is blocked", async () => {
  const { users } = await control("GET", "users.json?username=alice");
  await control("PUT", `users/${users[0].sub}`, { status: "BLOCKED" });
  await assert.rejects(api("POST", "/v1/signin", { username: "alice", password: "Alice-pass-1" }), { code: "user_blocked" });
});
