// While a report is watched: look into live.js, show what runs, and load the page again when it was written anew.
{
  const own = location.pathname.split("/").pop() || "index.html";
  const state = document.getElementById("live-state");
  const list = document.getElementById("live-trainings");
  const inWords = (seconds) => seconds == null ? "time left unknown" : seconds < 120 ? `${Math.round(seconds)} s left`
    : seconds < 7200 ? `${Math.round(seconds / 60)} min left` : `${(seconds / 3600).toFixed(1)} h left`;
  const line = (training) => {
    const item = document.createElement("li");
    const bar = document.createElement("progress");
    bar.max = training.epochs;
    bar.value = training.epoch;
    const said = `${training.method} on ${training.dataset}, ${training.profile}, seed ${training.seed}`;
    bar.setAttribute("aria-label", said);
    const stage = training.stage === "training"
      ? `epoch ${training.epoch} of ${training.epochs}, ${inWords(training.seconds_left)}` : training.stage;
    item.append(bar, ` ${said}: ${stage}`);
    return item;
  };
  // The file calls this. It is a script, because a page that is opened from disk may not read other files.
  window.reportIsLive = (news) => {
    const version = news.pages[own];
    if (version && version !== document.documentElement.dataset.version) return location.reload();
    if (news.ended) return clearInterval(looking);
    const silent = Math.round((Date.now() - news.written) / 1000);
    const counted = Object.entries(news.cells).filter(([, count]) => count).map(([name, count]) => `${count} ${name}`);
    const left = news.seconds_left == null ? "" : `; ${inWords(news.seconds_left)}`;
    state.textContent = silent > 30 ? `The watch has been silent for ${silent} s: reid-tables report --watch writes these pages.`
      : news.trainings.length || news.cells.pending ? `Cells: ${counted.join(", ")}${left}.`
      : "Nothing is running. This page shows new results as soon as they are there.";
    list.replaceChildren(...news.trainings.map(line));
  };
  const looking = setInterval(() => {
    const script = document.createElement("script");
    script.src = `live.js?${Date.now()}`;
    script.onload = script.onerror = () => script.remove();
    document.head.append(script);
  }, 2000);
}
