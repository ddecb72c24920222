// The panel of filters. Everything that comes from the data enters through textContent or value, so it can never be markup.

const MANY = 8  // columns from which a search of them is worth its place

export function render({ model }) {
  const root = document.createElement("div")
  root.className = "panel-filters"
  const send = (kind, value) => model.send_msg({ kind, value })
  const top = add(root, "div", "top")
  const line = expression(top, model, send)
  const search = field(top, "search", "Search columns")
  search.placeholder = "Search columns"
  const list = add(root, "ul", "columns")
  list.setAttribute("aria-label", "Columns")
  const none = add(root, "p", "soft none", "No such column")
  const rows = new Map()

  const sift = () => {
    const wanted = search.value.trim().toLowerCase()
    let found = 0
    for (const [name, row] of rows) {
      row.item.hidden = !name.toLowerCase().includes(wanted)
      found += !row.item.hidden
    }
    none.hidden = found > 0
  }
  const columns = () => {
    search.hidden = model.columns.length <= MANY
    const names = model.columns.map(([name]) => name)
    if (names.length === rows.size && names.every((name) => rows.has(name))) return  // only the quotes have changed
    rows.clear()
    list.replaceChildren()
    for (const [name, kind] of model.columns) {
      const item = add(list, "li", "column")
      const head = button(item, "head", undefined, () => send("open", name))
      add(head, "span", "mark", "")
      add(head, "span", "name", name).title = name
      add(head, "span", "soft", kind)
      const body = add(item, "div", "control")
      body.id = unique("control")
      body.setAttribute("role", "group")
      body.setAttribute("aria-label", name)
      head.setAttribute("aria-controls", body.id)
      rows.set(name, { item, head, body, update: null })
    }
    sift()
  }
  const controls = () => {
    const active = new Set(model.active)
    for (const [name, row] of rows) {
      const facts = model.facts[name], state = model.controls[name]
      const data = facts && state && { ...model.counts[name], ...state }
      row.head.setAttribute("aria-expanded", String(Boolean(data)))
      row.head.classList.toggle("active", active.has(name))
      row.head.setAttribute("aria-label", active.has(name) ? `${name}, filtered` : name)
      row.body.hidden = !data
      if (!data) {
        row.body.replaceChildren()
        row.update = null
        continue
      }
      row.update ??= control(row.body, facts, send)
      row.update(data)
    }
  }
  search.addEventListener("input", sift)
  const draw = { columns: () => { columns(); controls() }, controls, facts: controls, counts: controls, active: controls, line }
  for (const [name, act] of Object.entries(draw)) {
    model.on(name, act)
    act()
  }
  whenSeen(root, (seen) => send("seen", seen))
  return root
}
