// The table of records. Everything that comes from the data enters through textContent or title, so it can never be markup.

const WAIT = 250  // ms after the last key until a search begins

function searchLine(parent, facts, send) {
  const search = add(parent, "input", "search")
  search.type = "search"
  search.hidden = !facts.searchable
  search.placeholder = "Search the texts"
  search.maxLength = facts.longest
  search.autocomplete = "off"
  search.spellcheck = false
  search.setAttribute("aria-label", "Search all texts of the records")
  let timer = 0, sent = ""
  const tell = () => {
    clearTimeout(timer)
    if (search.value !== sent) send("search", (sent = search.value))
  }
  search.addEventListener("input", () => {
    clearTimeout(timer)
    timer = setTimeout(tell, WAIT)
  })
  search.addEventListener("keydown", (event) => {
    if (event.key === "Enter") tell()
    if (event.key === "Escape" && search.value) {
      event.preventDefault()
      event.stopPropagation()
      search.value = ""
      tell()
    }
  })
}

function menu(parent, label, name, opened) {  // a button and what it opens; Escape and a look elsewhere close it
  const box = add(parent, "div", `menu ${name}`)
  const opener = button(box, "tool", label, "", () => turn(list.hidden))
  const list = add(box, "fieldset", "list")
  list.hidden = true
  opener.setAttribute("aria-expanded", "false")
  const turn = (open) => {
    list.hidden = !open
    opener.setAttribute("aria-expanded", String(open))
    if (open) opened(list)
  }
  box.addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || list.hidden) return
    event.preventDefault()
    event.stopPropagation()
    turn(false)
    opener.focus()
  })
  box.addEventListener("focusout", (event) => {
    if (!list.hidden && event.relatedTarget && !box.contains(event.relatedTarget)) turn(false)
  })
  return { list, close: () => turn(false), elsewhere: (target) => { if (!box.contains(target)) turn(false) } }
}

function tick(parent, text, on) {
  const label = add(parent, "label", "")
  const input = add(label, "input", "")
  input.type = "checkbox"
  input.checked = on
  add(label, "span", "", text)
  return input
}

function columnsMenu(parent, model, send) {
  const made = menu(parent, "Columns", "columns", (list) => list.querySelector("input")?.focus())
  add(made.list, "legend", "", "Columns of the table")
  for (const column of model.facts.columns) {
    const input = tick(made.list, column.name, column.on)
    input.value = column.name
    add(input.parentNode, "small", "", column.kind)
  }
  made.list.addEventListener("change", () => send("columns", [...made.list.querySelectorAll("input:checked")].map((one) => one.value)))
  return made
}

function exportMenu(parent, send) {
  const weigh = () => {
    files.replaceChildren()  // the links end
    send("weigh", only.checked)
  }
  const made = menu(parent, "Export", "export", weigh)
  add(made.list, "legend", "", "Export of all rows of the table")
  const note = add(made.list, "p", "note"), files = add(made.list, "div", "files")
  note.setAttribute("role", "status")
  const only = tick(made.list, "Only the columns shown", false)
  only.addEventListener("change", weigh)
  made.draw = (offer) => {
    if (!offer.note) return made.close()
    note.textContent = offer.note
    files.replaceChildren()
    for (const file of offer.files ?? []) {
      const link = add(files, "a", "", file.name)
      link.href = file.link
      link.download = ""
      add(link, "small", "", file.size)
    }
  }
  return made
}

function drawHead(head, columns, send) {
  head.replaceChildren()
  const row = add(head, "tr", "")
  for (const column of [{ name: "__row", label: "Row", numeric: true }, ...columns]) {
    const cell = add(row, "th", column.numeric ? "numeric" : "")
    cell.scope = "col"
    cell.dataset.name = column.name
    const sorter = button(cell, "sorter", "", "", () => send("sort", column.name))
    sorter.title = `Sort by ${column.label ?? column.name}`
    add(sorter, "span", "label", column.label ?? column.name)
    add(sorter, "span", "way").setAttribute("aria-hidden", "true")
  }
}

function drawOrder(head, order) {
  for (const cell of head.querySelectorAll("th")) {
    const on = order?.name === cell.dataset.name
    on ? cell.setAttribute("aria-sort", order.descending ? "descending" : "ascending") : cell.removeAttribute("aria-sort")
    cell.querySelector(".way").textContent = on ? (order.descending ? "▼" : "▲") : ""
  }
}

function addRow(body, id, cells, columns) {
  const row = add(body, "tr", "")
  row.tabIndex = -1
  row.dataset.id = id
  const name = add(row, "th", "numeric", id.toLocaleString("en"))
  name.scope = "row"
  cells.forEach((text, place) => {
    const cell = add(row, "td", columns[place].numeric ? "numeric" : "")
    const shown = add(cell, "span", "", text || "—")
    if (!text) cell.classList.add("missing")
    if (text.length > 20) shown.title = text
  })
  return row
}

function drawRows(body, page) {
  const held = body.contains(body.getRootNode().activeElement) && body.getRootNode().activeElement.dataset.id
  body.replaceChildren()
  if (page.found) {
    const row = addRow(body, page.found.id, page.found.cells, page.columns)
    row.classList.add("found")
    row.title = "The record shown on the map; it is not on this page"
  }
  page.ids.forEach((id, place) => addRow(body, id, page.cells[place], page.columns).setAttribute("aria-rowindex", page.first + place + 2))
  const rows = [...body.rows]
  const first = rows.find((row) => row.dataset.id === held) ?? rows[0]
  if (first) first.tabIndex = 0
  if (held) first?.focus({ preventScroll: true })
}

function drawMark(body, marked) {
  for (const row of body.rows) {
    const on = marked !== null && row.dataset.id === String(marked)
    on ? row.setAttribute("aria-current", "true") : row.removeAttribute("aria-current")
    if (on) row.scrollIntoView({ block: "nearest" })
  }
}

function widen(head) {  // columns keep the widths they once needed, so that turning pages moves nothing
  const cells = [...head.querySelectorAll("th")]
  cells.map((cell) => cell.offsetWidth).forEach((wide, place) => { cells[place].style.minWidth = `${wide}px` })
}

function walk(body, event, send) {
  const row = event.target.closest("tr")
  if (event.key === "Enter" || event.key === " ") {
    event.preventDefault()
    return send("row", Number(row.dataset.id))
  }
  const rows = [...body.rows], at = rows.indexOf(row)
  const to = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: rows.length - 1 }[event.key]
  if (to === undefined || event.ctrlKey || event.metaKey || event.altKey) return
  event.preventDefault()
  focusOn(rows, Math.min(Math.max(to, 0), rows.length - 1))
}

function focusOn(rows, place) {
  for (const row of rows) row.tabIndex = -1
  rows[place].tabIndex = 0
  rows[place].focus()
}

export function render({ model, el }) {
  const panel = document.createElement("div")
  panel.className = "records"
  const send = (kind, value) => model.send_msg({ kind, value })
  const bar = add(panel, "div", "bar")
  searchLine(bar, model.facts, send)
  const follow = add(bar, "label", "follow")
  const inView = add(follow, "input", "")
  inView.type = "checkbox"
  add(follow, "span", "", "Only what the map shows")
  inView.addEventListener("change", () => send("follow", inView.checked))
  const columns = columnsMenu(bar, model, send)
  const files = model.facts.export ? exportMenu(bar, send) : null
  button(bar, "close", "×", "Close the records", () => el.dispatchEvent(new CustomEvent("shut", { bubbles: true, composed: true })))
  const scroll = add(panel, "div", "scroll")
  const table = add(scroll, "table", "")
  const caption = add(table, "caption", "", "Records")
  const head = add(table, "thead", ""), body = add(table, "tbody", "")
  const empty = add(scroll, "p", "empty")
  const foot = add(panel, "div", "foot")
  const range = add(foot, "span", "range")
  range.setAttribute("role", "status")
  const trouble = add(foot, "span", "trouble")
  trouble.setAttribute("role", "alert")
  const turn = pager(foot, send, "Pages of the table")

  let drawn = {}
  const draw = {
    page() {
      const page = model.page
      if (!page.columns) return
      const changed = JSON.stringify(page.columns) !== JSON.stringify(drawn.columns)
      const moved = JSON.stringify(drawn.ids) !== JSON.stringify(page.ids)  // the same rows come again when all hits are counted
      if (changed) drawHead(head, page.columns, send)
      drawOrder(head, page.order)
      drawRows(body, page)
      if (moved) scroll.scrollTop = 0
      drawn = page
      widen(head)
      const sorted = page.order ? `, sorted by ${page.order.name}, ${page.order.descending ? "descending" : "ascending"}` : ""
      caption.textContent = `Records${page.range ? `, rows ${page.range}` : ""}${sorted}. Enter shows a row on the map.`
      table.setAttribute("aria-rowcount", page.total === null ? -1 : page.total + 1)
      range.textContent = page.range
      empty.textContent = page.empty
      empty.hidden = !page.empty
      turn(page)
      drawMark(body, model.marked)
    },
    marked: () => drawMark(body, model.marked),
    busy() {
      scroll.setAttribute("aria-busy", String(model.busy))
      panel.classList.toggle("busy", model.busy)
    },
    export: () => files?.draw(model.export),
    trouble() {
      trouble.textContent = model.trouble
    },
  }
  for (const [name, act] of Object.entries(draw)) {
    model.on(name, act)
    act()
  }
  panel.addEventListener("click", (event) => {
    for (const one of [columns, files]) one?.elsewhere(event.composedPath()[0])
  })
  body.addEventListener("click", (event) => {
    const row = event.target.closest("tr")
    if (!row || String(el.getRootNode().getSelection?.() ?? "")) return  // text is being marked
    focusOn([...body.rows], [...body.rows].indexOf(row))
    send("row", Number(row.dataset.id))
  })
  body.addEventListener("keydown", (event) => walk(body, event, send))
  whenSeen(panel, (seen) => send("shown", seen))
  return panel
}
