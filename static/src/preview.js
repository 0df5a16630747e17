// The operator's preview: what is picked is shown at once.
const pick = document.getElementById("pick");
pick.querySelector("button").hidden = true;
pick.addEventListener("change", (e) => {
  // Another environment, page or app has other things to pick from.
  const after = { env: ["app", "version", "page", "state"], app: ["version", "page", "state"], page: ["state"] };
  for (const name of after[e.target.name] || []) pick.elements[name].disabled = true;
  pick.submit();
});
