// Everything on the page works without this: it only adds the copy buttons.
document.documentElement.classList.add("script");
document.addEventListener("click", async (event) => {
  const button = event.target.closest("[data-copy]");
  if (!button) return;
  const source = document.getElementById(button.dataset.copy);
  const label = button.textContent;
  try {
    await navigator.clipboard.writeText(source.textContent);
    button.textContent = "Copied";
  } catch {
    for (let box = source.parentElement; box; box = box.parentElement) if (box.tagName === "DETAILS") box.open = true;
    getSelection().selectAllChildren(source);
    button.textContent = "Selected: press Ctrl or ⌘ C";
  }
  setTimeout(() => { button.textContent = label; }, 2500);
});
