// The page around a matrix. Everything that comes from the data enters through textContent or a canvas, so it can never be markup.

const PANELS = { table: "Table", profile: "Profiles", keys: "Keys" }
const DRAGS = [["pan", "Move", "M8 1v14M1 8h14M8 1l-2 2M8 1l2 2M8 15l-2-2M8 15l2-2M1 8l2-2M1 8l2 2M15 8l-2-2M15 8l-2 2"], ["box", "Select a box", "M2 3h12v10H2z"]]
const STEP = 1.2  // of one step of the wheel, as Bokeh's own

function pill(box, label, act, path) {
  const button = add(box, "button", path ? "tool icon" : "tool", path ? undefined : label)
  button.type = "button"
  if (path) button.append(sign(path))
  button.title = label
  button.setAttribute("aria-label", label)
  button.addEventListener("click", () => act(button))
  return button
}

export function render({ model, el, view }) {
  const stage = document.createElement("div")
  stage.className = "stage heat"
  if (model.facts.page) fitPhones()
  if (model.facts.page) stage.setAttribute("role", "main")
  const chart = add(stage, "div", "chart")
  const map = add(chart, "div", "map")
  map.tabIndex = 0
  map.setAttribute("role", "application")
  map.append(model.get_child("map"))
  const swipe = new Swipe(chart, (at) => send("swipe", at))  // names and marks lie on top of its picture
  const canvas = add(chart, "canvas", "overlay")
  canvas.setAttribute("aria-hidden", "true")
  const gutters = { rows: add(chart, "div", "gutter rows"), cols: add(chart, "div", "gutter cols") }
  const corner = add(chart, "div", "corner")
  const beside = new Sides(chart, (kind, value) => send(kind, value))
  const side = add(stage, "div", "side"), card = add(side, "section", "card head")
  const title = add(card, "h1", ""), status = add(card, "p", "status")
  const inView = add(status, "strong", "in-view"), inAll = add(status, "span", "in-all")
  const controls = add(card, "div", "controls")
  controls.append(model.get_child("controls"))
  const full = add(card, "button", "full")
  full.append(sign("M2 6V2h4M10 2h4v4M14 10v4h-4M6 14H2v-4"))
  full.type = "button"
  full.title = "Full screen (F)"
  full.setAttribute("aria-label", "Full screen")
  beside.addSearch(card)
  beside.addWalks(chart)
  const legend = add(side, "section", "card legend")
  legend.setAttribute("aria-label", "Legend")
  const chips = add(stage, "div", "chips")
  chips.setAttribute("role", "group")
  chips.setAttribute("aria-label", "Panels")
  const tools = add(stage, "div", "tools")
  tools.setAttribute("role", "toolbar")
  tools.setAttribute("aria-label", "Zoom and selection")
  const panels = {}
  for (const [name, label] of Object.entries(PANELS)) {
    panels[name] = add(stage, "section", `card panel ${name}`)
    panels[name].setAttribute("aria-label", label)
  }
  const hover = add(stage, "div", "card hover")
  hover.setAttribute("role", "tooltip")
  const message = add(stage, "div", "card message")
  message.setAttribute("role", "alert")
  const work = add(stage, "div", "card work")
  work.setAttribute("role", "status")
  const working = add(work, "span", ""), bar = add(work, "progress", "")
  bar.max = 1
  bar.setAttribute("aria-label", "Progress")
  pill(work, "Cancel", () => send("cancel", null))
  const sketch = add(stage, "div", "card sketch"), note = add(stage, "div", "note"), live = add(stage, "div", "spoken")
  live.setAttribute("aria-live", "polite")

  drawKeys(panels.keys)
  const send = (kind, value) => model.send_msg({ kind, value })
  const turn = () => (document.fullscreenElement ? document.exitFullscreen() : stage.requestFullscreen?.())?.catch?.(() => {})
  full.addEventListener("click", turn)
  const dense = () => {
    send("density", window.devicePixelRatio || 1)
    window.matchMedia(`(resolution: ${window.devicePixelRatio}dppx)`).addEventListener("change", dense, { once: true })
  }

  // The plot's own model: its ranges are where one looks.
  const overlay = new Overlay(canvas), room = { left: 60, top: 60 }
  stage.overlay = overlay
  let told = null  // which part was told of last
  let figure = null, waiting = false, drop = null  // where what is dragged by its names would stand
  const colors = {}
  const place = () => {
    const { rows, cols } = model.facts, corner = rows.label || cols.label ? `${rows.label} ↓  ${cols.label} →` : ""
    const longest = { rows: rows.longest, cols: cols.longest, corner }, found = overlay.gutters(longest)
    Object.assign(room, found)
    stage.style.setProperty("--left", `${room.left}px`)
    stage.style.setProperty("--top", `${room.top}px`)
    stage.style.setProperty("--right", `${room.flat ? 30 : 66}px`)  // slanted names lean out to the right
  }
  const draw = () => {
    waiting = false
    if (!figure || !stage.isConnected) return
    const { x_range: x, y_range: y } = figure
    const facts = { rows: model.facts.rows, cols: { ...model.facts.cols, flat: room.flat } }
    const seen = { x0: x.start, x1: x.end, y0: -y.end, y1: -y.start }, frame = { left: room.left, top: room.top, width: map.clientWidth, height: map.clientHeight }
    overlay.split = swipe.draw(seen, frame, figure.background_fill_color)
    overlay.draw(seen, frame, colors, facts)
    dropAt(overlay, seen, frame, colors, drop)
    gutters.rows.style.transform = `translate(${overlay.edge.left}px, 0)`
    gutters.cols.style.transform = `translate(0, ${overlay.edge.top}px)`
    corner.style.transform = `translate(${overlay.edge.left}px, ${overlay.edge.top}px)`
    beside.draw({ rows: [-y.end, -y.start], cols: [x.start, x.end] }, frame, colors, overlay.edge)
  }
  const give = ({ right, bottom }) => {  // room at the right of the map and below it
    stage.style.setProperty("--right", `${right}px`)
    stage.style.setProperty("--bottom", `${bottom}px`)
    redraw()
  }
  const redraw = () => { if (!waiting) { waiting = true; requestAnimationFrame(draw) } }
  const find = () => {
    const models = [...(view?.model ?? model).document?._all_models?.values?.() ?? []]
    figure = models.find((one) => one.type === "Figure" && one.name === model.facts.figure) ?? null
    if (!figure) return void setTimeout(find, 60)
    for (const range of [figure.x_range, figure.y_range]) range.change.connect(redraw)
    swipe.listen(models.find((one) => one.name === `${figure.name}-beside`) ?? null, redraw)
    redraw()
  }
  new ResizeObserver(redraw).observe(map)
  chart.addEventListener("moved", redraw)

  // Zoom of one axis: the wheel over its names, or with Shift (columns) or Alt (rows).
  const settle = paced(() => send("zoomed", null), 60)
  const zoom = (axis, factor, share) => {
    if (!figure) return
    const range = axis === "cols" ? figure.x_range : figure.y_range, { start, end } = range, at = start + (end - start) * share
    if ((end - start) * factor < range.min_interval || (end - start) * factor > range.max_interval) return
    range.setv({ start: at - (at - start) * factor, end: at + (end - at) * factor })
    settle()
  }
  const wheeled = (axis) => (event) => {
    const along = axis ?? (event.shiftKey ? "cols" : event.altKey ? "rows" : null)
    if (!along) return
    event.preventDefault()
    event.stopPropagation()
    const box = map.getBoundingClientRect(), turned = event.deltaY || event.deltaX
    const share = along === "cols" ? (event.clientX - box.left) / box.width : 1 - (event.clientY - box.top) / box.height
    zoom(along, turned > 0 ? STEP : 1 / STEP, Math.min(1, Math.max(0, share)))
  }
  map.addEventListener("wheel", wheeled(null), { capture: true, passive: false })
  for (const [axis, gutter] of Object.entries(gutters)) {
    gutter.addEventListener("wheel", wheeled(axis), { passive: false })
    const lineAt = (event) => {
      const { x_range: x, y_range: y } = figure, box = map.getBoundingClientRect()
      return axis === "cols" ? x.start + ((event.clientX - box.left) / box.width) * (x.end - x.start) : -y.end + ((event.clientY - box.top) / box.height) * (y.end - y.start)
    }
    const placeAt = (event) => {
      const { x_range: x } = figure, box = map.getBoundingClientRect(), found = lineAt(event)
      // Slanted names lean away from their column: the one whose foot is nearest to the pointer's diagonal.
      const lean = axis === "cols" && !room.flat ? ((box.top + overlay.edge.top - 9 - event.clientY) / box.width) * (x.end - x.start) : 0
      const near = overlay.labels[axis].map((label) => label.place).sort((a, b) => Math.abs(a + 0.5 - found + lean) - Math.abs(b + 0.5 - found + lean))[0]
      return near
    }
    const ask = paced((value) => send("name", value), 40)
    gutter.addEventListener("mousemove", (event) => {
      const found = figure && placeAt(event), box = stage.getBoundingClientRect()
      if (found !== undefined) ask({ axis, place: found, x: event.clientX - box.left, y: event.clientY - box.top })
    })
    gutter.addEventListener("mouseleave", () => ask(null))
    // A drag along the names selects whole rows, or columns; one that begins on what is selected moves it; a click sorts by one.
    const at = axis === "cols" ? "clientX" : "clientY", size = () => model.facts[axis].size
    let from = null, dragged = false
    const across = (event) => Math.min(size(), Math.max(0, lineAt(event)))
    const chosen = (event) => {
      const ends = [from.line, across(event)].sort((a, b) => a - b)
      return [Math.floor(ends[0]), Math.max(Math.floor(ends[0]) + 1, Math.ceil(ends[1]))]
    }
    gutter.addEventListener("pointerdown", (event) => {
      if (!figure || event.button) return
      from = { at: event[at], line: across(event), moves: overlay.holds(axis, Math.floor(lineAt(event)), size()) }
      dragged = false
      gutter.setPointerCapture(event.pointerId)
    })
    gutter.addEventListener("pointermove", (event) => {
      if (!from || (!dragged && Math.abs(event[at] - from.at) < 6)) return
      dragged = true
      if (from.moves) drop = { axis, place: Math.round(across(event)) }
      else overlay.box = axis === "rows" ? { rows: [chosen(event)], cols: [[0, model.facts.cols.size]] } : { rows: [[0, model.facts.rows.size]], cols: [chosen(event)] }
      redraw()
    })
    gutter.addEventListener("pointerup", (event) => {
      if (from && dragged && from.moves) send("move", { axis, way: "before", place: Math.round(across(event)) })
      else if (from && dragged) send("lines", { axis, ends: chosen(event) })
      from = drop = null
      redraw()
    })
    gutter.addEventListener("pointercancel", () => { from = drop = null; show.box() })
    gutter.addEventListener("click", (event) => {
      const found = figure && !dragged && placeAt(event)
      if (found !== undefined && found !== false) send("sort", { axis, place: found })
    })
    gutter.title = axis === "rows" ? "Click: sort the columns by this row. Drag: select rows, or move those that are selected. Wheel: zoom the rows." : "Click: sort the rows by this column. Drag: select columns, or move those that are selected. Wheel: zoom the columns."
  }

  for (const [name, label] of Object.entries(PANELS)) {
    const button = pill(chips, label, () => send("open", name))
    button.title = ""
  }
  const means = pill(chips, "Means", () => send("margins", means.getAttribute("aria-pressed") !== "true"))
  means.title = "The mean of each row and each column in view, beside the map"
  const drags = DRAGS.map(([name, label, path]) => pill(tools, label, (button) => {
    for (const one of drags) one.setAttribute("aria-pressed", String(one === button))
    send("tool", name)
  }, path))
  drags.forEach((one, k) => one.setAttribute("aria-pressed", String(k === 0)))
  for (const [axis, label] of [["rows", "Rows"], ["cols", "Columns"]]) {
    const group = add(tools, "span", "pair")
    add(group, "span", "soft", label)
    pill(group, `Wider ${label.toLowerCase()}`, () => zoom(axis, 1 / 1.5, 0.5), "M8 3v10M3 8h10")
    pill(group, `Narrower ${label.toLowerCase()}`, () => zoom(axis, 1.5, 0.5), "M3 8h10")
  }

  const show = {
    facts() {
      const facts = model.facts
      stage.classList.toggle("light", !facts.dark)
      stage.classList.toggle("page", facts.page)
      if (facts.page) document.body.style.background = facts.dark ? "#0b0e14" : "#ffffff"
      title.textContent = facts.title
      note.textContent = facts.note
      map.setAttribute("aria-label", facts.label)
      place()
      give(beside.expect(facts.beside))
      corner.textContent = [facts.rows.label && `${facts.rows.label} ↓`, facts.cols.label && `${facts.cols.label} →`].filter(Boolean).join(room.flat ? "  " : "\n")
      const style = getComputedStyle(stage)
      for (const name of ["ink", "soft", "line", "accent", "ground"]) colors[name] = style.getPropertyValue(`--${name}`).trim() || colors[name] || "#888"
      redraw()
    },
    names() {
      for (const axis of ["rows", "cols"]) if (model.names[axis]) overlay[axis].take(model.names[axis])
      redraw()
    },
    swipe() { swipe.take(model.swipe) },
    texts() { overlay.texts = model.texts; redraw() },
    sort() { overlay.sort = model.sort; redraw() },
    box() { overlay.box = model.box; redraw() },
    sides() {
      give(beside.take(model.sides))
      means.setAttribute("aria-pressed", String(Boolean(model.sides.rows ? model.sides.rows.margin : model.facts.beside.rows.margin)))
    },
    walk() { beside.walk = model.walk; redraw() },
    said() { if (model.said.text) live.textContent = live.textContent === model.said.text ? `${model.said.text}\u00a0` : model.said.text },
    cursor() {
      overlay.cursor = model.cursor
      if (model.cursor.spoken && !model.cursor.quiet) live.textContent = model.cursor.spoken
      redraw()
    },
    status() {
      inView.textContent = model.status.view ?? ""
      inAll.textContent = model.status.all ?? ""
      const { summary, place } = model.status
      if (summary && place !== told && !model.cursor.spoken) live.textContent = summary  // not over what was said of the same place
      told = place
      message.textContent = model.status.message ?? ""
      message.hidden = !model.status.message
    },
    link() {
      const { query, push, go } = model.link
      if (!model.facts.page || query === undefined) return
      const url = query ? `?${query}` : location.pathname
      if (go) return void location.assign(url)
      if (`?${query}` !== location.search) history[push ? "pushState" : "replaceState"](null, "", url)
    },
    sketch() {
      sketch.textContent = model.sketch
      sketch.hidden = !model.sketch
    },
    opened() {
      for (const [name, panel] of Object.entries(panels)) panel.hidden = !model.opened.includes(name)
      for (const button of chips.querySelectorAll("button")) {
        const name = Object.keys(PANELS).find((one) => PANELS[one] === button.textContent)
        if (name) button.setAttribute("aria-expanded", String(model.opened.includes(name)))
      }
    },
    legend: () => drawLegend(legend, model.legend, () => {}),
    grid: () => drawTable(panels.table, model.grid),
    profile() {
      drawProfile(panels.profile, model.profile, send)
      show.rest()
    },
    rest() {
      const box = panels.profile.querySelector(".against")
      if (box) drawRest(box, model.rest)
    },
    work() {
      const { text, share } = model.work
      work.hidden = !text
      if (working.textContent !== (text ?? "")) working.textContent = text ?? ""
      if (share === undefined || share === null) bar.removeAttribute("value")
      else bar.value = share
    },
    hover() {
      overlay.hover = model.hover
      const box = map.getBoundingClientRect(), whole = stage.getBoundingClientRect(), { x, y, page } = model.hover
      drawHover(hover, page ? model.hover : { ...model.hover, x: x + box.left - whole.left, y: y + box.top - whole.top }, stage)
      redraw()
    },
  }
  for (const [name, act] of Object.entries(show)) {
    model.on(name, act)
    act()
  }
  // The stylesheet may come later than the script.
  setTimeout(() => { show.facts() }, 300)
  find()
  dense()
  const travelled = () => { if (stage.isConnected && model.facts.page) send("link", location.search) }
  window.addEventListener("popstate", travelled)
  stage.addEventListener("keydown", (event) => {
    const inside = Object.keys(panels).find((name) => event.composedPath().includes(panels[name]))
    if (event.key === "Escape" && inside) {
      send("open", inside)
      return void [...chips.querySelectorAll("button")].find((one) => one.textContent === PANELS[inside])?.focus()
    }
    if (!event.composedPath().includes(map)) return
    if (event.key.toLowerCase() === "f" && !event.ctrlKey && !event.metaKey) turn()
    if (event.key === "/") { event.preventDefault(); return void beside.input.focus() }
    const key = keyOf(event)
    if (!key) return
    event.preventDefault()
    if (key === "?" || (key === "Escape" && model.opened.includes("keys"))) send("open", "keys")  // what was opened last, closes first
    else send("key", key)
  })
  map.addEventListener("focusin", (event) => {
    const inner = event.composedPath()[0]
    if (inner === map) return
    inner.tabIndex = -1
    inner.style.outline = "none"
    map.focus({ preventScroll: true })
  })
  return stage
}
