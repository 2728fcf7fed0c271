// The live log of one replica of a function: lines come by server-sent events and are put in place by their time. The
// lines are nodes of their own: thousands of them, of which a drawing of the page must touch none.

// kept are the lines that are held; the oldest go first.
const kept = 3000;

export class Log {
  constructor(redraw) {
    this.redraw = redraw;
    this.box = document.createElement("div");
    this.box.className = "log times wrap";
    this.box.tabIndex = 0;
    this.box.setAttribute("role", "log");
    this.box.setAttribute("aria-live", "off");
    this.box.addEventListener("scroll", () => this.scrolled());
    this.options = { wrap: true, times: true, raw: false, filter: "" };
    this.reset();
  }

  reset() {
    this.lines = []; // {id, node, text}
    this.held = []; // what came while it was paused
    this.paused = false;
    this.atEnd = true;
    this.newer = 0;
    this.note = null;
    this.fault = "";
    this.lost = false;
    this.following = false;
    this.streams = new Set();
    this.box.classList.remove("mixed");
    this.box.replaceChildren();
  }

  // open follows a log; the one before is left.
  open(name, replica, labels) {
    this.close();
    this.reset();
    this.labels = labels;
    this.name = name;
    this.replica = replica;
    this.box.setAttribute("aria-label", labels.title);
    this.connect();
  }

  connect() {
    const stream = new EventSource(`/api/v1/functions/${encodeURIComponent(this.name)}/logs?replica=${this.replica}&tail=500`);
    this.stream = stream;
    stream.addEventListener("lines", (event) => { this.hear(); this.take(JSON.parse(event.data)); });
    stream.addEventListener("note", (event) => { this.hear(); this.note = JSON.parse(event.data); this.redraw(); });
    stream.addEventListener("heartbeat", (event) => {
      const beat = JSON.parse(event.data);
      this.lost = false;
      this.fault = beat.fault ?? "";
      this.following = beat.heard_at > 0;
      this.redraw();
    });
    stream.onerror = () => {
      this.lost = true;
      this.redraw();
      // A browser gives up for ever when the answer was no stream; the server may be restarting.
      if (stream.readyState === EventSource.CLOSED && this.stream === stream) this.again = setTimeout(() => this.connect(), 3000);
    };
  }

  hear() {
    this.lost = false;
    this.following = true;
  }

  close() {
    clearTimeout(this.again);
    this.stream?.close();
    this.stream = null;
  }

  take(batch) {
    if (this.paused) {
      this.held.push(batch);
      this.newer += batch.lines.length;
      if (this.newer > kept) { this.newer -= this.held[0].lines.length; this.held.shift(); }
      this.redraw();
      return;
    }
    if (batch.dropped) this.mark(batch.dropped, batch.lines[0]?.id);
    const shown = batch.lines.filter((line) => this.add(line)).length;
    while (this.lines.length > kept) this.lines.shift().node.remove();
    if (this.atEnd) this.toEnd();
    else this.newer += shown;
    this.redraw();
  }

  // add puts a line in its place; false when it is there already.
  add(line) {
    let at = this.lines.length;
    while (at > 0 && after(this.lines[at - 1].id, line.id)) at--;
    if (at > 0 && this.lines[at - 1].id === line.id && !this.lines[at - 1].gap) return false;
    const node = document.createElement("div");
    node.className = `line ${line.stream}`;
    const time = document.createElement("time");
    const date = new Date(line.at);
    time.dateTime = date.toISOString();
    time.textContent = `${stamp(date)} `;
    const mark = document.createElement("span");
    mark.className = "mark";
    mark.textContent = line.stream === "stderr" ? "err " : "out ";
    const text = document.createElement("span");
    const whole = line.text + (line.cut ? " …" : "");
    const read = tidy(whole, (name, value) => this.said(name, value));
    text.className = "text";
    text.textContent = this.options.raw ? whole : read.text;
    if (read.level) node.classList.add(read.level);
    node.append(time, mark, text);
    // Which stream a line is of says something only where there are both.
    if (this.streams.add(line.stream).size > 1) this.box.classList.add("mixed");
    this.put(at, { id: line.id, node, span: text, text: whole, tidy: read.text, time: time.textContent });
    return true;
  }

  // said tells what the page says already: whose log this is.
  said(name, value) {
    return name === "program" || (name === "function" && value === this.name) || (name === "replica" && value === String(this.replica)) || (name === "box" && value === this.note?.box);
  }

  // mark says that lines are missing before one.
  mark(n, id) {
    const node = document.createElement("div");
    node.className = "line gap";
    node.textContent = this.labels.dropped(n);
    const at = this.lines.length;
    this.put(at, { id: id ?? this.lines[at - 1]?.id ?? "0.0", node, text: node.textContent, time: "", gap: true });
  }

  put(at, entry) {
    entry.node.classList.toggle("hidden", !this.fits(entry));
    this.box.insertBefore(entry.node, this.lines[at]?.node ?? null);
    this.lines.splice(at, 0, entry);
  }

  fits(entry) {
    const wanted = this.options.filter.trim().toLowerCase();
    return entry.gap || wanted === "" || wanted.split(/\s+/).every((word) => (word.startsWith("-") && word.length > 1 ? !entry.text.toLowerCase().includes(word.slice(1)) : entry.text.toLowerCase().includes(word)));
  }

  set(option, value) {
    this.options[option] = value;
    this.box.classList.toggle("wrap", this.options.wrap);
    this.box.classList.toggle("times", this.options.times);
    if (option === "raw") for (const entry of this.lines) if (entry.span) entry.span.textContent = value ? entry.text : entry.tidy;
    if (option === "filter") for (const entry of this.lines) entry.node.classList.toggle("hidden", !this.fits(entry));
    if (this.atEnd) this.toEnd();
    this.redraw();
  }

  visible() {
    return this.lines.filter((entry) => !entry.node.classList.contains("hidden"));
  }

  pause(on) {
    this.paused = on;
    if (!on) {
      const held = this.held;
      this.held = [];
      this.newer = 0;
      this.atEnd = true;
      for (const batch of held) this.take(batch);
    }
    this.redraw();
  }

  scrolled() {
    const end = this.box.scrollHeight - this.box.scrollTop - this.box.clientHeight < 30;
    if (end === this.atEnd) return;
    this.atEnd = end;
    if (end && !this.paused) this.newer = 0;
    this.redraw();
  }

  toEnd() {
    this.atEnd = true;
    if (!this.paused) this.newer = 0;
    this.box.scrollTop = this.box.scrollHeight;
  }

  // text is what is shown, for the clipboard.
  text() {
    return this.visible().map((entry) => (this.options.times ? entry.time : "") + (this.options.raw ? entry.text : entry.tidy ?? entry.text)).join("\n");
  }
}

// after says that line a comes after line b: nanoseconds, then a number.
function after(a, b) {
  const [at, n] = a.split(".");
  const [bt, m] = b.split(".");
  return at.length === bt.length ? (at === bt ? Number(n) > Number(m) : at > bt) : at.length > bt.length;
}

// tidy reads a line of JSON, as our programs write it: its level, its message, and the rest as name=value. Its own time
// stands before it already. What is no such line stays as it is.
function tidy(text, said) {
  if (!text.startsWith("{")) return { text, level: grave(text.match(/\b(ERROR|FATAL|PANIC|WARN(?:ING)?)\b/)?.[1]) };
  let fields;
  try {
    fields = JSON.parse(text);
  } catch {
    return { text };
  }
  if (typeof fields.msg !== "string") return { text };
  const { time, level = "", msg, ...rest } = fields;
  const words = Object.entries(rest).filter(([name, value]) => !said(name, value)).map(([name, value]) => `${name}=${typeof value === "string" && !/[\s"=]/.test(value) && value !== "" ? value : JSON.stringify(value)}`);
  return { text: [String(level).padEnd(5), msg, ...words].join(" "), level: grave(String(level)) };
}

const grave = (level) => (/^(ERROR|FATAL|PANIC)/.test(level ?? "") ? "bad" : /^WARN/.test(level ?? "") ? "warn" : "");

const two = (n) => String(n).padStart(2, "0");
const stamp = (d) => `${two(d.getMonth() + 1)}-${two(d.getDate())} ${two(d.getHours())}:${two(d.getMinutes())}:${two(d.getSeconds())}.${String(d.getMilliseconds()).padStart(3, "0")}`;
