// The page around the map. Everything that comes from the data enters through textContent, so it can never be markup.

const PANELS = { filters: "Filters", table: "Records", gallery: "Images", charts: "Charts", saved: "Saved" }

function drawChips(bar, model, send) {
  const { chips, opened, panels } = model
  const held = bar.getRootNode().activeElement?.getAttribute?.("aria-label"), box = document.createElement("div")
  const filters = chips.filters ?? []
  for (const name of panels) {
    const label = PANELS[name], button = add(box, "button", "tool", label)
    button.type = "button"
    button.setAttribute("aria-label", label)
    button.setAttribute("aria-expanded", String(opened.includes(name)))
    button.addEventListener("click", () => send("open", name))
  }
  const tool = (text, label, value, able) => {
    const button = add(box, "button", "tool", text)
    button.type = "button"
    button.disabled = !able
    button.title = label
    button.setAttribute("aria-label", label)
    button.addEventListener("click", () => send("filters", value))
  }
  filters.forEach((text, number) => {
    const chip = add(box, "span", "chip")
    add(chip, "span", "text", text).title = text
    const button = add(chip, "button", "close", "×")
    button.type = "button"
    button.setAttribute("aria-label", `Remove the filter ${text}`)
    button.addEventListener("click", () => send("filters", number))
  })
  if (chips.selection) {
    const chip = add(box, "span", "chip chosen")
    add(chip, "span", "text", model.status.chosen || "Selection")
    const button = add(chip, "button", "close", "×")
    button.type = "button"
    button.setAttribute("aria-label", "Select nothing")
    button.addEventListener("click", () => send("tool", "none"))
  }
  if (filters.length > 1) tool("Clear all", "Clear all filters", "clear", true)
  if (chips.undo || chips.redo) {
    tool("↶", "Undo (Ctrl+Z)", "undo", chips.undo)
    tool("↷", "Redo (Ctrl+Shift+Z)", "redo", chips.redo)
  }
  // What stays the same stays in its place: a button that is replaced while it is pressed loses the click.
  const before = [...bar.children], after = [...box.children]
  for (const old of before.slice(after.length)) old.remove()
  after.forEach((one, place) => {
    if (!before[place]) bar.append(one)
    else if (!before[place].isEqualNode(one)) before[place].replaceWith(one)
  })
  if (filters.length > Number(bar.dataset.filters ?? filters.length)) bar.scrollLeft = bar.scrollWidth  // what is new is seen
  bar.dataset.filters = filters.length
  const buttons = [...bar.querySelectorAll("button")], focused = bar.getRootNode().activeElement
  if (held && !buttons.includes(focused)) buttons.find((one) => one.getAttribute("aria-label") === held)?.focus()
}

const DRAGS = [["pan", "Move", "M8 1v14M1 8h14M8 1l-2 2M8 1l2 2M8 15l-2-2M8 15l2-2M1 8l2-2M1 8l2 2M15 8l-2-2M15 8l-2 2"], ["box", "Select a box", "M2 3h12v10H2z"],
  ["lasso", "Select with a lasso", "M8 2c4 0 6 2 6 4.5S11.5 11 8 11 2 9 2 6.500 4 2 8 2zM5 10.500c-1.500 1.500-1 3 .5 4"]]
const MODES = [["replace", "New"], ["add", "Add"], ["subtract", "Subtract"], ["intersect", "Intersect"]]

function drawTools(box, send) {  // what a drag does, and what a new area does to the selection
  const pressed = (group, chosen) => { for (const one of group) one.setAttribute("aria-pressed", String(one === chosen)) }
  const drags = DRAGS.map(([name, label, path]) => {
    const button = add(box, "button", "tool icon")
    button.append(sign(path))
    button.title = label
    button.setAttribute("aria-label", label)
    button.addEventListener("click", () => { pressed(drags, button); modes.hidden = name === "pan"; send("tool", name) })
    return button
  })
  const modes = add(box, "span", "modes")
  modes.hidden = true
  const choices = MODES.map(([name, label]) => {
    const button = add(modes, "button", "tool", label)
    button.addEventListener("click", () => { pressed(choices, button); send("tool", name) })
    return button
  })
  add(modes, "button", "tool", "What is in view").addEventListener("click", () => send("tool", "view"))
  pressed(drags, drags[0])
  pressed(choices, choices[0])
  for (const button of box.querySelectorAll("button")) button.type = "button"
}

const KEYS = new Set(["ArrowLeft", "ArrowRight", "ArrowUp", "ArrowDown", "+", "=", "-", "_", "0", "Home", "Escape", "Enter"])

function everyOne(root, wanted, act) {  // also within shadows
  for (const one of root.querySelectorAll("*")) {
    if (one.matches(wanted)) act(one)
    if (one.shadowRoot) everyOne(one.shadowRoot, wanted, act)
  }
}

export function render({ model, view }) {
  if (model.facts.page) fitPhones()
  const stage = document.createElement("div")
  stage.className = "stage"
  if (model.facts.page) stage.setAttribute("role", "main")
  const skip = add(stage, "button", "tool skip", "Show the records as a table")
  skip.type = "button"
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
  const full = add(card, "button", "full")
  full.append(sign("M2 6V2h4M10 2h4v4M14 10v4h-4M6 14H2v-4"))
  full.type = "button"
  full.title = "Full screen (F)"
  full.setAttribute("aria-label", "Full screen")
  const chips = add(stage, "div", "chips line")
  chips.addEventListener("wheel", (event) => {
    if (chips.scrollWidth <= chips.clientWidth) return
    event.preventDefault()
    chips.scrollLeft += event.deltaX + event.deltaY
  }, { passive: false })
  chips.setAttribute("role", "group")
  chips.setAttribute("aria-label", "Filters")
  const legend = add(side, "section", "card legend")
  legend.setAttribute("aria-label", "Legend")
  const panels = {}
  for (const [name, label] of Object.entries(PANELS)) {
    panels[name] = add(stage, "section", `card panel ${name}`)
    panels[name].setAttribute("aria-label", label)
    const fill = () => {
      const child = model.get_child(name)
      if (child && child !== panels[name].firstChild) panels[name].replaceChildren(child)
    }
    model.on(name, fill)
    // Of panels that are opened together, Panel tells of all when the first is made: the others have nothing to show yet.
    view.on_child_render(name, (made) => {
      if (!made.length) return
      fill()
      view.render_children()
      view.invalidate_layout()
    })
    fill()
  }
  const tools = add(stage, "div", "tools")
  tools.setAttribute("role", "toolbar")
  tools.setAttribute("aria-label", "Selecting")
  const record = add(stage, "section", "card record")
  record.setAttribute("aria-label", "Record")
  const pinned = recordCard(record, () => { send("key", "Escape"); map.focus() })
  const hover = add(stage, "div", "card hover")
  hover.setAttribute("role", "tooltip")
  const message = add(stage, "div", "card message")
  message.setAttribute("role", "alert")
  const sketch = add(stage, "div", "card sketch")
  const note = add(stage, "div", "note")
  const live = add(stage, "div", "spoken view"), heard = add(stage, "div", "spoken")
  for (const one of [live, heard]) one.setAttribute("aria-live", "polite")

  const send = (kind, value) => model.send_msg({ kind, value })
  const toTable = () => {  // the alternative to the map; made when it is first wanted, so it may take a moment
    if (!model.opened.includes("table")) send("open", "table")
    let tries = 50
    const focus = () => {
      const inside = [...panels.table.querySelectorAll("*")].map((one) => one.shadowRoot?.querySelector("input, tbody tr[tabindex='0']")).find(Boolean)
      inside && !panels.table.hidden ? inside.focus() : tries-- && setTimeout(focus, 100)
    }
    focus()
  }
  skip.addEventListener("click", toTable)
  const pick = (name, also) => send("legend", { name, also })
  const turn = () => (document.fullscreenElement ? document.exitFullscreen() : stage.requestFullscreen?.())?.catch?.(() => {})
  full.addEventListener("click", turn)
  const dense = () => {
    send("density", window.devicePixelRatio || 1)
    window.matchMedia(`(resolution: ${window.devicePixelRatio}dppx)`).addEventListener("change", dense, { once: true })
  }
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
      const chosen = chips.querySelector(".chosen .text")
      if (chosen && model.status.chosen) chosen.textContent = model.status.chosen
    },
    link() {
      const { query, push } = model.link
      if (!model.facts.page || query === undefined) return
      const url = query ? `?${query}` : location.pathname
      if (`?${query}` !== location.search) history[push ? "pushState" : "replaceState"](null, "", url)
    },
    sketch() {
      sketch.textContent = model.sketch
      sketch.hidden = !model.sketch
    },
    chips: () => drawChips(chips, model, send),
    panels: () => drawChips(chips, model, send),
    opened() {
      skip.setAttribute("aria-expanded", String(model.opened.includes("table")))
      for (const [name, panel] of Object.entries(panels)) panel.hidden = !model.opened.includes(name)
      drawChips(chips, model, send)
    },
    legend: () => drawLegend(legend, model.legend, pick),
    record() {
      pinned.draw(model.record)
      heard.textContent = model.record.title ? `Record: ${model.record.title}` : ""
    },
    pictures: () => drawImages(pinned.pictures, model.pictures),
    alike: () => drawAlike(pinned.alike, model.alike, send),
    answer: () => sayAlike(pinned.alike, model.answer.said ?? ""),
    hover: () => drawHover(hover, model.hover, stage),
  }
  for (const [name, act] of Object.entries(draw)) {
    model.on(name, act)
    act()
  }
  drawTools(tools, send)
  dense()
  const travelled = () => { if (stage.isConnected && model.facts.page) send("link", location.search) }
  window.addEventListener("popstate", travelled)
  const shut = (name) => {
    if (model.opened.includes(name)) send("open", name)
    chips.querySelector(`[aria-label="${PANELS[name]}"]`)?.focus()
  }
  for (const [name, panel] of Object.entries(panels)) panel.addEventListener("shut", () => shut(name))
  stage.addEventListener("keydown", (event) => {
    const open = event.key === "Escape" && Object.keys(panels).find((name) => event.composedPath().includes(panels[name]))
    if (open) {
      event.preventDefault()
      return shut(open)
    }
    const inMap = event.composedPath().includes(map)
    const typing = /^(INPUT|TEXTAREA|SELECT)$/.test(event.composedPath()[0].tagName)
    if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "z" && !typing) {
      event.preventDefault()
      send("filters", event.shiftKey ? "redo" : "undo")
    }
    if (inMap && event.key.toLowerCase() === "f" && !event.ctrlKey && !event.metaKey) turn()
    if (event.ctrlKey || event.metaKey || event.altKey || !KEYS.has(event.key)) return
    if (!inMap && event.key !== "Escape") return
    event.preventDefault()
    if (event.key === "Escape" && event.composedPath().includes(record)) map.focus()
    send("key", event.key)
  })
  // A finger rests nowhere: what a tap leaves under it is no place that somebody points at.
  let finger = false
  for (const what of ["pointerdown", "pointermove"]) stage.addEventListener(what, (event) => {
    if ((event.pointerType === "touch") !== finger) send("touch", (finger = !finger))
  }, true)
  // Bokeh's own layer takes the focus with a click, and shows a dotted frame; the map around it is the one that listens.
  map.addEventListener("focusin", (event) => {
    const inner = event.composedPath()[0]
    if (inner === map) return everyOne(map, "[tabindex='0']", (one) => { one.tabIndex = -1 })  // or Tab would stop at the map twice
    inner.tabIndex = -1
    inner.style.outline = "none"
    map.focus({ preventScroll: true })
  })
  return stage
}
