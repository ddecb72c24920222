// Saved selections: a form to save, and a list to open and edit. Everything from the data enters through textContent or value.

function textField(form, label, most, value = "") {
  const made = add(form, "input", "field")
  made.setAttribute("aria-label", label)
  made.placeholder = label
  made.maxLength = most
  made.value = value
  return made
}

function pill(parent, text, label, act) {
  const made = add(parent, "button", "pill", text)
  made.type = "button"
  if (label) made.setAttribute("aria-label", label)
  made.addEventListener("click", act)
  return made
}

function drawItem(list, item, send, edit) {
  const row = add(list, "li", "")
  add(row, "strong", "", item.name)
  add(row, "span", "soft", [item.rows, item.author, item.time].filter(Boolean).join(" · "))
  if (item.note) add(row, "p", "", item.note)
  const tools = add(row, "div", "tools")
  const does = (kind, text) => pill(tools, text, `${text} ${item.name}`, () => send(kind, { name: item.name }))
  if (item.view) does("view", "Show")
  does("select", "Select")
  does("filter", "Filter")
  if (!item.link) pill(tools, "Edit", `Edit ${item.name}`, () => edit(row, item))
  const gone = pill(tools, "Delete", `Delete ${item.name}`, () => {
    if (gone.textContent !== "Delete") return send("delete", { name: item.name })
    gone.textContent = "Delete for everybody?"
    gone.setAttribute("aria-label", `Delete ${item.name} for everybody?`)
  })
  gone.addEventListener("blur", () => {
    gone.textContent = "Delete"
    gone.setAttribute("aria-label", `Delete ${item.name}`)
  })
}

function drawEditor(row, item, send, done) {
  row.replaceChildren()
  const form = add(row, "form", "editor")
  const name = textField(form, "New name", 200, item.name), note = add(form, "textarea", "field")
  note.setAttribute("aria-label", "New note")
  note.maxLength = 2000
  note.rows = 3
  note.value = item.note
  const tools = add(form, "div", "tools")
  add(tools, "button", "pill", "Save changes")
  pill(tools, "Cancel", "", done)
  form.addEventListener("submit", (event) => {
    event.preventDefault()
    if (!name.value.trim()) return name.focus()
    send("edit", { name: item.name, new: name.value, note: note.value, was: item.note })
    done()
  })
  form.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return
    event.preventDefault()
    event.stopPropagation()
    done()
  })
  name.focus()
}

export function render({ model, el }) {
  const root = document.createElement("div")
  root.className = "panel-charts"
  const send = (kind, value) => model.send_msg({ kind, value })
  const form = add(root, "form", "adder saver")
  const name = textField(form, "Name", 200), note = textField(form, "Note", 2000)
  add(form, "button", "pill", "Save")
  let saving = false
  form.addEventListener("submit", (event) => {
    event.preventDefault()
    if (!name.value.trim()) return name.focus()
    saving = true
    send("save", { name: name.value, note: note.value })
  })
  const tip = add(root, "p", "soft tip"), said = add(root, "p", "said")
  said.setAttribute("role", "status")
  const list = add(root, "ul", "saved"), links = add(root, "details", "links"), summary = add(links, "summary", "soft"), kept = add(links, "ul", "saved")
  let editing = false

  const draw = () => {
    if (editing) return  // what is being written stays; the list comes when that is done
    const held = root.getRootNode().activeElement?.getAttribute?.("aria-label")
    list.replaceChildren()
    kept.replaceChildren()
    for (const item of model.items) drawItem(item.link ? kept : list, item, send, edit)
    if (!list.children.length) add(list, "li", "soft", "Nothing is saved yet.")
    links.hidden = !kept.children.length
    summary.textContent = `Kept for links (${kept.children.length})`
    if (held) [...root.querySelectorAll("button")].find((one) => one.getAttribute("aria-label") === held)?.focus()
  }
  const edit = (row, item) => {
    editing = true
    drawEditor(row, item, send, () => {
      editing = false
      draw()
      ;[...root.querySelectorAll("button")].find((one) => one.getAttribute("aria-label") === `Edit ${item.name}`)?.focus()
    })
  }
  const answer = () => {
    said.textContent = model.said.text ?? ""
    said.classList.toggle("trouble", model.said.well === false)
    if (saving && model.said.well) name.value = note.value = ""  // a name that is taken stays, to be changed
    saving = false
  }
  model.on("items", draw)
  model.on("note", () => { tip.textContent = model.note })
  model.on("said", answer)
  tip.textContent = model.note
  draw()
  answer()
  whenSeen(root, (seen) => { if (seen) send("list", {}) })
  return root
}
