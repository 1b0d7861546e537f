// Swaps in the parts of the page that changed; without it the page is complete, only not live.
(() => {
  "use strict";
  const address = document.body.dataset.events;
  if (!address || !window.EventSource) return;
  const live = document.getElementById("live");
  const said = document.getElementById("said");
  let timer = 0;
  let running = false;
  let again = false;

  async function refresh(quiet) {
    if (running) { again = true; return; }
    running = true;
    try {
      const answer = await fetch(location.pathname, { headers: { accept: "text/html" }, credentials: "same-origin" });
      if (answer.redirected || !answer.ok) return;
      const next = new DOMParser().parseFromString(await answer.text(), "text/html");
      const now = document.getElementById("main");
      const then = next.getElementById("main");
      if (!then || now.innerHTML === then.innerHTML) return;
      const scroll = [scrollX, scrollY];
      // What is being typed is not lost.
      for (const known of now.querySelectorAll("textarea[id], input[id]")) {
        const same = then.querySelector("#" + CSS.escape(known.id));
        if (same) same.replaceWith(known);
      }
      const focus = document.activeElement && document.activeElement.id;
      for (const known of now.querySelectorAll("details[id]")) {
        const same = then.querySelector("#" + CSS.escape(known.id));
        if (same) same.open = known.open;
      }
      // Charts that did not change stay as they are: no flicker, no second download.
      for (const known of now.querySelectorAll("picture[data-key]")) {
        const same = then.querySelector(`picture[data-key="${CSS.escape(known.dataset.key)}"]`);
        if (same) same.replaceWith(known);
      }
      now.replaceChildren(...document.adoptNode(then).childNodes);
      if (focus) document.getElementById(focus)?.focus({ preventScroll: true });
      scrollTo(...scroll);
      document.title = next.title;
      if (!quiet) said.textContent = document.body.dataset.updated;
    } catch { /* The next event tries again. */ } finally {
      running = false;
      if (again) { again = false; refresh(); }
    }
  }

  const events = new EventSource(address);
  let opened = false;
  events.addEventListener("open", () => {
    live.hidden = false;
    if (opened) refresh();
    opened = true;
  });
  events.addEventListener("error", () => { live.hidden = true; });
  events.addEventListener("changed", () => { timer ||= setTimeout(() => { timer = 0; refresh(); }, 300); });
  setInterval(() => { if (!document.hidden) refresh(true); }, 30000);
})();
