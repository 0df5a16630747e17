// The emulator from a test: TCB's auth API as an app calls it, and the controls. Node alone, no packages.
const url = process.env.TCB_EMULATOR_URL;
const env = process.env.TCB_ENV_ID;
const token = process.env.TCB_EMULATOR_TOKEN;

async function call(method, path, headers, body) {
  const answer = await fetch(url + path, { method, headers, body: body && JSON.stringify(body) });
  const json = await answer.json();
  if (!answer.ok || json.error) throw Object.assign(new Error(json.error_description), { code: json.error });
  return json;
}

/** Calls TCB's auth API: api("POST", "/v1/signin", { username, password }). */
export const api = (method, path, body, accessToken) =>
  call(method, `/auth${path}?client_id=${env}`, accessToken ? { Authorization: `Bearer ${accessToken}` } : {}, body);

/** Calls a control: control("PUT", "settings", { captcha: "always" }). */
export const control = (method, path, body) =>
  call(method, `/__emulator/${path}`, token ? { Authorization: `Bearer ${token}` } : {}, body);

/** The newest code that was sent to an address or a number. */
export async function lastCode(to) {
  const { messages } = await control("GET", `outbox.json?to=${encodeURIComponent(to)}`);
  return messages[0]?.code;
}
