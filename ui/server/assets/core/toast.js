// Short words at the bottom of the page on what became of something that a person asked.

// say shows a sentence for some seconds; kind is good or bad. A bad one stays until it is clicked away.
export function say(text, kind = "good") {
  const box = document.getElementById("toasts") ?? make();
  const toast = document.createElement("button");
  toast.className = `toast ${kind}`;
  toast.textContent = text;
  toast.onclick = () => toast.remove();
  box.append(toast);
  if (kind !== "bad") setTimeout(() => toast.remove(), 6000);
}

function make() {
  const box = document.createElement("div");
  box.id = "toasts";
  box.setAttribute("role", "status");
  document.body.append(box);
  return box;
}
