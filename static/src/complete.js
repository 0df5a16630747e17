// Hands the login over to the app's SDK through localStorage, in the SDK's own
// form, and goes back to the app. Also leads away from the interstitial.
// It is all that keeps people from a sign-in that went well, so it must run in
// the older browsers inside of apps too.
const read = (id) => {
  const data = document.getElementById(id);
  return data && JSON.parse(data.textContent);
};
const login = read("completion");
const departure = read("departure");

function keep() {
  const user = `user_info_${login.env_id}`;
  const { expires_in } = login.credentials;
  // By this browser's clock, 30 seconds early, as the SDK does.
  const expires_at = new Date(Date.now() + (expires_in - 30) * 1000).toISOString();
  localStorage.removeItem(user);
  localStorage.setItem(
    `credentials_${login.client_id}`,
    JSON.stringify(Object.assign({}, login.credentials, { version: "v1", expires_at })),
  );
  if (!login.user_info) return;
  const content = Object.assign({}, login.user_info, { uid: login.user_info.sub });
  try {
    localStorage.setItem(user, JSON.stringify({ version: "localCachev1", content }));
  } catch (full) {
    // No room: the SDK asks for itself. The credentials alone are the sign-in.
  }
}

function complete() {
  const refused = document.getElementById("refused");
  const retry = document.getElementById("retry");
  const going = document.getElementById("going");
  try {
    keep();
  } catch (refusal) {
    refused.hidden = retry.hidden = false;
    going.hidden = true;
    retry.onclick = complete;
    return;
  }
  refused.hidden = retry.hidden = true;
  going.hidden = false;
  location.replace(login.redirect_uri);
}

if (login) {
  history.replaceState(null, "", login.back); // a reload leads to sign-in, not to the POST again
  complete();
}

if (departure) {
  try {
    for (const key of departure.forget || []) localStorage.removeItem(key);
  } catch (refusal) {
    // Storage is refused: then there is nothing of ours in it.
  }
  if (departure.to) location.replace(departure.to);
}
