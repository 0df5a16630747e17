// A page for who is signed in. Everybody else is sent to the login page, and comes back to this very
// address, whatever its path, query and hash.
import { emulator, env } from "/config.js";

const app = cloudbase.init({ env, region: "ap-shanghai" });
if (emulator) app.registerEndPointWithKey({ key: "CLOUD_API", url: `//${emulator}`, protocol: "http:" });
const auth = app.auth({}); // after the address is known: 2.x takes it when the object is made

// ours is the address of a page beside the app, which leads to redirect_uri.
function ours(path, redirectURI) {
  return `/__auth${path}?${new URLSearchParams({ env_id: env, client_id: env, redirect_uri: redirectURI })}`;
}

try {
  // The second is null where the login has ended at TCB since.
  const user = (await auth.getLoginState()) && (await auth.getCurrentUser());
  if (user) show(user);
  else auth.toDefaultLoginPage({ redirect_uri: location.href });
} catch (failure) {
  console.warn(failure);
  document.getElementById("failed").hidden = false;
}

function show(user) {
  document.getElementById("user").textContent = user.username || user.email || user.phone || user.uid;
  document.getElementById("account").href = ours("/account", location.href);
  document.getElementById("profile").href = ours("/account/profile", location.href);
  document.getElementById("sign-out").href = ours("/sign-out", `${location.origin}/`);
  document.querySelector("main").hidden = false;
}
