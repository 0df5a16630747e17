// Keeps the outbox fresh: fetches the same page again and swaps <main> when it has changed.
let shown;

function enliven() {
  for (const button of document.querySelectorAll("button[data-copy]")) button.hidden = !navigator.clipboard;
  for (const time of document.querySelectorAll("time")) time.textContent = new Date(time.dateTime).toLocaleString();
}

async function refresh() {
  try {
    const answer = await fetch(location.href, { cache: "no-store" });
    const text = await answer.text();
    if (answer.ok && text !== shown) {
      const fresh = new DOMParser().parseFromString(text, "text/html").getElementById("main");
      if (shown !== undefined) document.getElementById("main").replaceWith(fresh);
      shown = text;
      enliven();
    }
  } catch {
    // The emulator is being restarted; the next round will find it.
  }
  setTimeout(refresh, document.hidden ? 10000 : 1500);
}

document.addEventListener("click", async (event) => {
  const button = event.target.closest("button[data-copy]");
  if (!button) return;
  await navigator.clipboard.writeText(button.dataset.copy);
  button.textContent = "Copied";
  setTimeout(() => { button.textContent = "Copy"; }, 1500);
});

enliven();
if (document.querySelector("main[data-live]")) refresh();
