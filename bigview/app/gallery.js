// The gallery: small images in a grid, a page at a time. Everything that comes from the data enters through textContent or title.

function drawTile(list, item, show) {
  const row = add(list, "li", ""), tile = add(row, "button", "tile")
  tile.type = "button"
  tile.tabIndex = -1
  tile.dataset.id = item.id
  tile.title = item.title
  const frame = add(tile, "span", "frame")
  const image = (source) => {
    const shown = add(frame, "img", "")
    shown.alt = ""  // its title stands below it
    shown.referrerPolicy = "no-referrer"
    shown.addEventListener("error", () => { frame.textContent = "cannot be shown" })
    shown.src = source
  }
  if (item.data) image(item.data)
  else if (item.address && show.has(item.host)) image(item.address)
  else frame.textContent = item.note ?? `from ${item.host}`
  add(tile, "span", "name", item.title)
}

function drawAsk(box, tiles, show, again) {  // nothing is fetched from elsewhere unasked: its owner would learn who looks at what
  box.replaceChildren()
  for (const host of new Set(tiles.filter((item) => item.address && !show.has(item.host)).map((item) => item.host))) {
    button(box, "tool", `Show the images from ${host}`, "", () => { show.add(host); again() })
  }
}

function choice(parent, label, act) {
  const box = add(parent, "label", "follow"), input = add(box, "input", "")
  input.type = "checkbox"
  add(box, "span", "", label)
  input.addEventListener("change", () => act(input.checked))
}

function columnsOf(list) {  // tiles of a line of the grid
  const [first, ...others] = [...list.children].map((item) => item.offsetTop)
  const next = others.findIndex((top) => top > first)
  return next < 0 ? list.children.length : next + 1
}

function walkTiles(list, event, turn) {
  const tiles = [...list.querySelectorAll(".tile")], at = tiles.indexOf(event.target.closest(".tile"))
  const wide = columnsOf(list)
  if (event.key === "PageDown" || event.key === "PageUp") {
    event.preventDefault()
    return turn(event.key === "PageDown" ? 1 : -1)
  }
  const to = { ArrowRight: at + 1, ArrowLeft: at - 1, ArrowDown: at + wide, ArrowUp: at - wide, Home: 0, End: tiles.length - 1 }[event.key]
  if (to === undefined || event.ctrlKey || event.metaKey || event.altKey) return
  event.preventDefault()
  focusTile(tiles, Math.min(Math.max(to, 0), tiles.length - 1))
}

function focusTile(tiles, place, focus = true) {
  for (const tile of tiles) tile.tabIndex = -1
  if (!tiles[place]) return
  tiles[place].tabIndex = 0
  if (focus) tiles[place].focus()
}

export function render({ model, el }) {
  const panel = document.createElement("div")
  panel.className = "images"
  const send = (kind, value) => model.send_msg({ kind, value })
  const show = new Set()
  const bar = add(panel, "div", "bar")
  const column = add(bar, "select", "field")
  column.setAttribute("aria-label", "Column of the images")
  column.addEventListener("change", () => send("column", column.value))
  choice(bar, "Only what the map shows", (on) => send("follow", on))
  choice(bar, "Mixed", (on) => send("mixed", on))
  const ask = add(bar, "span", "ask")
  button(bar, "close", "×", "Close the images", () => el.dispatchEvent(new CustomEvent("shut", { bubbles: true, composed: true })))
  const scroll = add(panel, "div", "scroll"), list = add(scroll, "ul", "tiles"), empty = add(scroll, "p", "empty")
  list.setAttribute("aria-label", "Images. Arrow keys move, Enter shows the record, Page Up and Page Down turn the page.")
  const foot = add(panel, "div", "foot"), range = add(foot, "span", "range"), trouble = add(foot, "span", "trouble")
  range.setAttribute("role", "status")
  trouble.setAttribute("role", "alert")
  const draw_pages = pager(foot, send, "Pages of the images")
  let shown = ""

  const draw = {
    facts() {
      const columns = model.facts.columns ?? []
      column.replaceChildren(...columns.map((name) => new Option(name, name, false, name === model.facts.column)))
      column.hidden = columns.length < 2
    },
    page() {
      const page = model.page, held = list.getRootNode().activeElement?.closest?.(".tile") !== null && list.contains(list.getRootNode().activeElement)
      if (!page.tiles) return
      list.replaceChildren()
      for (const item of page.tiles) drawTile(list, item, show)
      list.hidden = !page.tiles.length
      drawAsk(ask, page.tiles, show, draw.page)
      range.textContent = page.range ?? ""
      empty.textContent = page.empty
      empty.hidden = !page.empty
      draw_pages(page)
      if (shown !== page.range) scroll.scrollTop = 0
      shown = page.range
      focusTile([...list.querySelectorAll(".tile")], 0, held)
      draw.marked()
    },
    marked() {
      for (const tile of list.querySelectorAll(".tile")) {
        tile.dataset.id === String(model.marked) ? tile.setAttribute("aria-current", "true") : tile.removeAttribute("aria-current")
      }
    },
    busy() {
      scroll.setAttribute("aria-busy", String(model.busy))
      panel.classList.toggle("busy", model.busy)
    },
    trouble() { trouble.textContent = model.trouble },
  }
  for (const [name, act] of Object.entries(draw)) {
    model.on(name, act)
    act()
  }
  list.addEventListener("click", (event) => {
    const tile = event.target.closest(".tile")
    if (!tile) return
    const tiles = [...list.querySelectorAll(".tile")]
    focusTile(tiles, tiles.indexOf(tile))
    send("row", Number(tile.dataset.id))
  })
  list.addEventListener("keydown", (event) => walkTiles(list, event, (by) => send("page", (model.page.number ?? 1) + by)))
  whenSeen(panel, (seen) => send("seen", seen))
  return panel
}
