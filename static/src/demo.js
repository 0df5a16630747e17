// The demo app: shows the login that the SDK would find in localStorage.
const demo = document.getElementById("demo");
const { env, client, login } = demo.dataset;
const read = (key) => {
  try {
    return JSON.parse(localStorage.getItem(key));
  } catch (refusal) {
    return null;
  }
};

// The way in is built as the SDK's toDefaultLoginPage does.
document.getElementById("enter").href =
  `${login}?app_id=&env_id=${env}&client_id=${client}&config_version=env&redirect_uri=${encodeURIComponent(location.href)}`;

const credentials = read(`credentials_${client}`);
for (const part of demo.querySelectorAll("[data-state]"))
  part.hidden = (part.dataset.state === "in") !== Boolean(credentials);

if (credentials) {
  const user = read(`user_info_${env}`);
  const facts = { sub: credentials.sub, ...(user && user.content) };
  facts.expires_at = new Date(credentials.expires_at).toLocaleString(document.documentElement.lang, {
    numberingSystem: "latn",
  });
  for (const place of demo.querySelectorAll("[data-fact]"))
    place.textContent = facts[place.dataset.fact] || "–";
}
