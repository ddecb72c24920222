// Saved selections: a form to save, and a list to open. Everything from the data enters through textContent.

export function render({ model }) {
  const root = document.createElement("div")
  root.className = "panel-charts"
  const send = (kind, value) => model.send_msg({ kind, value })
  const form = add(root, "form", "adder saver")
  const field = (label, most) => {
    const made = add(form, "input", "field")
    made.setAttribute("aria-label", label)
    made.placeholder = label
    made.maxLength = most
    return made
  }
  const name = field("Name", 200), note = field("Note", 2000)
  add(form, "button", "pill", "Save")
  form.addEventListener("submit", (event) => {
    event.preventDefault()
    if (!name.value.trim()) return name.focus()
    send("save", { name: name.value, note: note.value })
    name.value = note.value = ""
  })
  const said = add(root, "p", "soft tip")
  said.setAttribute("role", "status")
  const list = add(root, "ul", "saved")
  const draw = () => {
    said.textContent = model.note
    list.replaceChildren()
    for (const item of model.items) {
      const row = add(list, "li", "")
      add(row, "strong", "", item.name)
      add(row, "span", "soft", [item.rows, item.author, item.time].filter(Boolean).join(" · "))
      if (item.note) add(row, "p", "", item.note)
      const tools = add(row, "div", "tools")
      for (const [kind, text] of [["select", "Select"], ["filter", "Filter"], ["delete", "Delete"]]) {
        const button = add(tools, "button", "pill", text)
        button.type = "button"
        button.setAttribute("aria-label", `${text} ${item.name}`)
        button.addEventListener("click", () => {
          if (kind === "delete" && button.textContent === "Delete") return void (button.textContent = "Delete for everybody?")
          send(kind, { name: item.name })
        })
      }
    }
  }
  model.on("items", draw)
  model.on("note", draw)
  draw()
  return root
}
