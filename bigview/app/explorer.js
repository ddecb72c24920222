// The page around the map. Everything that comes from the data enters through textContent, so it can never be markup.

function add(parent, kind, name, text) {
  const made = document.createElement(kind)
  if (name) made.className = name
  if (text !== undefined) made.textContent = text
  parent.append(made)
  return made
}

function fieldList(parent, fields) {
  const list = add(parent, "dl", "fields")
  for (const [name, value] of fields) {
    add(list, "dt", "", name)
    add(list, "dd", "", value)
  }
}

function drawCategories(box, legend) {
  const list = add(box, "ol", "ranks")
  for (const item of legend.items) {
    const row = add(list, "li", "")
    add(row, "span", "swatch").style.background = item.color
    add(row, "span", "name", item.name).title = item.name
    add(row, "span", "count", item.count)
    const share = add(row, "span", "share")
    share.style.width = `${Math.max(1, 100 * item.share)}%`
    share.style.background = item.color
  }
  if (legend.more) add(box, "div", "more", legend.more)
}

function drawBar(box, legend) {
  const bar = add(box, "div", "bar")
  bar.style.background = `linear-gradient(to right, ${legend.colors.join(",")})`
  const ticks = add(box, "div", "ticks")
  // The first and the last tick always show; one between them where it has room. A character takes about 3 % of the bar.
  const span = ({ at, text }) => [at * (1 - 0.032 * text.length), at + (1 - at) * 0.032 * text.length]
  const last = legend.ticks.at(-1)
  let free = -1
  for (const tick of legend.ticks) {
    const [start, end] = span(tick)
    if (tick !== last && (start < free || end + 0.03 > span(last)[0])) continue
    const mark = add(ticks, "span", "tick", tick.text)
    mark.style.left = `${100 * tick.at}%`
    mark.style.transform = `translateX(${-100 * tick.at}%)`
    free = end + 0.03
  }
}

function drawLegend(box, legend) {
  const top = box.scrollTop
  box.replaceChildren()
  box.hidden = !legend.kind
  if (box.hidden) return
  add(box, "h2", "", legend.title)
  legend.kind === "bar" ? drawBar(box, legend) : drawCategories(box, legend)
  box.scrollTop = top
}

function drawRecord(box, record, close) {
  box.replaceChildren()
  box.hidden = !record.fields
  if (box.hidden) return
  const head = add(box, "header", "")
  add(head, "h2", "", record.title)
  const button = add(head, "button", "close", "×")
  button.setAttribute("aria-label", "Close the record")
  button.addEventListener("click", close)
  fieldList(box, record.fields)
  box.scrollTop = 0
}

function drawHover(box, hover, stage) {
  box.hidden = !hover.fields
  if (box.hidden) return
  box.replaceChildren()
  if (hover.title) add(box, "h2", "", hover.title)
  fieldList(box, hover.fields)
  const gap = 16, wide = box.offsetWidth, high = box.offsetHeight
  const right = hover.x + gap + wide <= stage.clientWidth - 8
  const below = hover.y + gap + high <= stage.clientHeight - 8
  box.style.left = `${Math.max(8, right ? hover.x + gap : hover.x - gap - wide)}px`
  box.style.top = `${Math.max(8, below ? hover.y + gap : hover.y - gap - high)}px`
}

const KEYS = new Set(["ArrowLeft", "ArrowRight", "ArrowUp", "ArrowDown", "+", "=", "-", "_", "0", "Home", "Escape"])

export function render({ model, el }) {
  const stage = document.createElement("div")
  stage.className = "stage"
  const map = add(stage, "div", "map")
  map.tabIndex = 0
  map.setAttribute("role", "application")
  map.append(model.get_child("map"))
  const side = add(stage, "div", "side")
  const card = add(side, "section", "card head")
  const title = add(card, "h1", "")
  const status = add(card, "p", "status")
  const inView = add(status, "strong", "in-view")
  const inAll = add(status, "span", "in-all")
  const controls = add(card, "div", "controls")
  controls.append(model.get_child("controls"))
  const legend = add(side, "section", "card legend")
  legend.setAttribute("aria-label", "Legend")
  const record = add(stage, "section", "card record")
  record.setAttribute("aria-label", "Record")
  const hover = add(stage, "div", "card hover")
  hover.setAttribute("role", "tooltip")
  const message = add(stage, "div", "card message")
  message.setAttribute("role", "alert")
  const sketch = add(stage, "div", "card sketch")
  const note = add(stage, "footer", "note")
  const live = add(stage, "div", "spoken")
  live.setAttribute("aria-live", "polite")

  const send = (kind, value) => model.send_msg({ kind, value })
  const draw = {
    facts() {
      const facts = model.facts
      stage.classList.toggle("light", !facts.dark)
      stage.classList.toggle("page", facts.page)
      if (facts.page) document.body.style.background = facts.dark ? "#0b0e14" : "#ffffff"
      title.textContent = facts.title
      note.textContent = facts.note
      map.setAttribute("aria-label", facts.label)
    },
    status() {
      inView.textContent = model.status.view ?? ""
      inAll.textContent = model.status.all ?? ""
      live.textContent = model.status.summary ?? ""
      message.textContent = model.status.message ?? ""
      message.hidden = !model.status.message
    },
    sketch() {
      sketch.textContent = model.sketch
      sketch.hidden = !model.sketch
    },
    legend: () => drawLegend(legend, model.legend),
    record: () => drawRecord(record, model.record, () => { send("key", "Escape"); map.focus() }),
    hover: () => drawHover(hover, model.hover, stage),
  }
  for (const [name, act] of Object.entries(draw)) {
    model.on(name, act)
    act()
  }
  stage.addEventListener("keydown", (event) => {
    const inMap = event.composedPath().includes(map)
    if (event.ctrlKey || event.metaKey || event.altKey || !KEYS.has(event.key)) return
    if (!inMap && event.key !== "Escape") return
    event.preventDefault()
    send("key", event.key)
  })
  // Bokeh's own layer takes the focus with a click, and shows a dotted frame; the map around it is the one that listens.
  map.addEventListener("focusin", (event) => {
    const inner = event.composedPath()[0]
    if (inner === map) return
    inner.tabIndex = -1
    inner.style.outline = "none"
    map.focus({ preventScroll: true })
  })
  return stage
}
