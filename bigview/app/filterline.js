// The line for any expression, with completion of column names.

function word(text) {  // the column's name that is being written at the end of a text
  if ((text.match(/'/g) ?? []).length % 2) return null
  const quotes = (text.match(/"/g) ?? []).length % 2
  const found = quotes ? /"([^"]*)$/.exec(text) : /([\p{L}_][\p{L}\p{N}_]*)$/u.exec(text)
  return found && { start: found.index, text: found[1].toLowerCase() }
}

function expression(box, model, send) {
  const input = field(box, "text", "Filter by an SQL expression")
  input.placeholder = "SQL, such as  score > 0.5"
  const list = add(box, "ul", "names")
  const wrong = add(box, "div", "wrong")
  const said = { role: "combobox", "aria-autocomplete": "list", "aria-expanded": "false", "aria-controls": (list.id = unique("names")) }
  for (const [attribute, value] of Object.entries(said)) input.setAttribute(attribute, value)
  list.setAttribute("role", "listbox")
  list.setAttribute("aria-label", "Columns")
  wrong.setAttribute("role", "alert")
  wrong.id = unique("wrong")
  wrong.hidden = list.hidden = true
  let options = [], chosen = -1, at = null

  const show = () => {
    list.hidden = !options.length
    list.replaceChildren()
    options.forEach(([name, kind], i) => {
      const option = add(list, "li", "option")
      option.id = unique("option")
      option.setAttribute("role", "option")
      option.setAttribute("aria-selected", String(i === chosen))
      add(option, "span", "name", name)
      add(option, "span", "soft", kind)
      option.addEventListener("pointerdown", (event) => { event.preventDefault(); take(i) })
      if (i === chosen) {
        input.setAttribute("aria-activedescendant", option.id)
        option.scrollIntoView({ block: "nearest" })
      }
    })
    if (chosen < 0) input.removeAttribute("aria-activedescendant")
    input.setAttribute("aria-expanded", String(!list.hidden))
  }
  const close = () => { options = []; chosen = -1; show() }
  const complete = (whole) => {
    const before = input.value.slice(0, input.selectionStart)
    at = word(before) ?? (whole && !((before.match(/'/g) ?? []).length % 2) ? { start: before.length, text: "" } : null)
    if (!at) return close()
    const starts = model.columns.filter(([name]) => name.toLowerCase().startsWith(at.text))
    const others = model.columns.filter(([name]) => name.toLowerCase().indexOf(at.text) > 0)
    options = [...starts, ...others].slice(0, 50)
    if (options.length === 1 && options[0][0].toLowerCase() === at.text) options = []
    chosen = -1
    show()
  }
  const take = (i) => {
    const caret = input.selectionStart, name = options[i][2]
    const rest = input.value.slice(caret).replace(input.value[at.start] === '"' ? /^[^"]*"/ : /^[\p{L}\p{N}_]+/u, "")
    input.value = input.value.slice(0, at.start) + name + rest
    input.setSelectionRange(at.start + name.length, at.start + name.length)
    close()
  }
  input.addEventListener("input", () => {
    wrong.hidden = true
    input.removeAttribute("aria-invalid")
    complete(false)
  })
  input.addEventListener("blur", close)
  input.addEventListener("keydown", (event) => {
    const open = options.length > 0
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      event.preventDefault()
      if (!open) complete(true)
      if (!options.length) return
      const step = event.key === "ArrowDown" ? 1 : -1
      chosen = chosen < 0 && step < 0 ? options.length - 1 : (chosen + step + options.length) % options.length
      show()
    } else if ((event.key === "Enter" && chosen >= 0) || (event.key === "Tab" && open && !event.shiftKey)) {
      event.preventDefault()
      take(Math.max(chosen, 0))
    } else if (event.key === "Enter") {
      close()
      send("sql", input.value)
    } else if (event.key === "Escape" && open) {
      event.stopPropagation()
      close()
    }
  })
  let taken = model.line.taken ?? 0
  return () => {
    const line = model.line
    if ((line.taken ?? 0) !== taken) {
      taken = line.taken
      if (input.value.trim() === line.text) input.value = ""
    }
    const mine = line.error && input.value.trim() === line.text
    wrong.hidden = !mine
    wrong.replaceChildren()
    if (!mine) return
    input.setAttribute("aria-invalid", "true")
    input.setAttribute("aria-describedby", wrong.id)
    if (line.place !== null && line.place !== undefined) {
      // The server counts characters, this language pairs of bytes.
      const signs = [...line.text], place = Math.min(line.place, signs.length)
      const bad = /^\s*([\p{L}\p{N}_]+|.)?/su.exec(signs.slice(place).join(""))[0] || " "
      const code = add(wrong, "code", "")
      const start = Math.max(0, place - 24)
      code.append((start ? "…" : "") + signs.slice(start, place).join(""))
      add(code, "mark", "", bad)
      code.append(signs.slice(place + [...bad].length, place + 40).join(""))
      const lead = input.value.length - input.value.trimStart().length + signs.slice(0, place).join("").length
      if (input.getRootNode().activeElement === input) input.setSelectionRange(lead, lead + (bad === " " ? 0 : bad.length))
    }
    add(wrong, "p", "", line.error)
  }
}

