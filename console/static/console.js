// Small helps; every page works without them: parts that replace themselves, questions before sending,
// pages that follow the data.
(() => {
  "use strict";
  const parse = (text) => new DOMParser().parseFromString(text, "text/html");

  // What is wider than its box begins where the data are, and not at the month's first day.
  const LEAD = 0.7;
  const reach = (root) => {
    for (const box of root.querySelectorAll(".chart, .scroll")) {
      if (box.scrollWidth <= box.clientWidth + 1) continue;
      const ends = [...box.querySelectorAll("circle, td.box:not(.none, .out)")].map((one) => one.getBoundingClientRect().right);
      if (ends.length) box.scrollLeft += Math.max(...ends) - box.getBoundingClientRect().left - LEAD * box.clientWidth;
    }
  };
  reach(document);

  // Replace the parts that a page of the same address has now; whoever types or chooses is left alone.
  const refresh = async (address, ids, signal) => {
    const answer = await fetch(address, { headers: { "X-Part": "1" }, signal, redirect: "follow" });
    if (answer.redirected && new URL(answer.url).pathname === "/login") { location.reload(); return; }
    if (!answer.ok) return;
    const page = parse(await answer.text());
    for (const id of ids) {
      const before = document.getElementById(id), after = page.getElementById(id);
      if (!before || !after || before.contains(document.activeElement) && document.activeElement.matches("input,select,textarea")) continue;
      const focused = document.activeElement && before.contains(document.activeElement) ? document.activeElement.getAttribute("href") : null;
      const kept = [...before.querySelectorAll(".chart, .scroll")].map((box) => box.scrollLeft);
      const now = document.importNode(after, true);
      before.replaceWith(now);
      const boxes = [...now.querySelectorAll(".chart, .scroll")];
      // Who has moved a chart or calendar looks at the same place of it afterwards.
      if (kept.length === boxes.length) boxes.forEach((box, at) => { box.scrollLeft = kept[at]; }); else reach(now);
      if (focused) { const again = [...document.getElementById(id).querySelectorAll("a")].find((a) => a.getAttribute("href") === focused); if (again) again.focus(); }
    }
  };

  // Elements with data-poll and an id are asked for anew until they no longer have it.
  const POLL_MS = 1500;
  const poll = () => {
    const ids = [...document.querySelectorAll("[data-poll][id]")].map((one) => one.id);
    if (ids.length) setTimeout(() => (document.hidden ? Promise.resolve() : refresh(location.href, ids)).catch(() => {}).then(poll), POLL_MS);
  };
  poll();

  // A page that is still being computed asks until it is there, and then loads it whole.
  const again = () => setTimeout(async () => {
    const answer = await fetch(location.href, { method: "HEAD", redirect: "follow" }).catch(() => null);
    if (answer && answer.status !== 202) location.reload(); else again();
  }, POLL_MS);
  if (document.querySelector("[data-again]")) again();

  // <form data-swap="#list">: typing and choosing ask for the page anew and swap only that part.
  let typing = null, running = null;
  const swap = (form) => {
    const address = new URL(form.action, location.href);
    const fields = new URLSearchParams(new FormData(form));
    for (const [name, value] of [...fields]) if (!value) fields.delete(name);
    address.search = fields;
    if (running) running.abort();
    running = new AbortController();
    history.replaceState(null, "", address);
    refresh(address, [form.dataset.swap.slice(1)], running.signal).catch((error) => { if (error.name !== "AbortError") form.submit(); });
  };
  document.addEventListener("input", (event) => {
    const form = event.target.closest("form[data-swap]");
    if (!form) return;
    clearTimeout(typing);
    typing = setTimeout(() => swap(form), event.target.matches("input[type=search]") ? 200 : 0);
  });

  document.addEventListener("submit", (event) => {
    const form = event.target, button = event.submitter;
    const question = button && button.dataset.confirm || form.dataset.confirm;
    if (question && !window.confirm(question)) { event.preventDefault(); return; }
    if (form.matches("form[data-swap]")) { event.preventDefault(); swap(form); return; }
    // Sent twice is done twice: the button waits for the answer.
    if (form.method === "post") setTimeout(() => { for (const one of form.querySelectorAll("button")) one.disabled = true; });
  });
  window.addEventListener("pageshow", () => { for (const one of document.querySelectorAll("form[method=post] button:disabled")) one.disabled = false; });

  // <... data-copy="#id">: put the text of an element on the clipboard.
  document.addEventListener("click", async (event) => {
    const button = event.target.closest("[data-copy]");
    if (!button) return;
    const source = document.querySelector(button.dataset.copy);
    try { await navigator.clipboard.writeText(source.textContent.trim()); } catch {
      const range = document.createRange(); range.selectNodeContents(source);
      getSelection().removeAllRanges(); getSelection().addRange(range); document.execCommand("copy");
    }
    button.dataset.copied = "yes"; setTimeout(() => delete button.dataset.copied, 2000);
  });

  // Elements with data-live and an id follow the store; nothing is asked while the page is hidden.
  const live = () => [...document.querySelectorAll("[data-live][id]")].map((one) => one.id);
  const address = document.body.dataset.stream;
  let source = null, waiting = null;
  const open = () => {
    if (source || document.hidden || !address || !live().length) return;
    source = new EventSource(address);
    source.addEventListener("change", () => {
      clearTimeout(waiting);
      waiting = setTimeout(() => refresh(location.href, live()).catch(() => {}), 300);
    });
  };
  const close = () => { if (source) source.close(); source = null; };
  document.addEventListener("visibilitychange", () => { if (document.hidden) close(); else { open(); if (live().length) refresh(location.href, live()).catch(() => {}); } });
  window.addEventListener("pagehide", close);
  open();
})();
