// What the controls of the panel of filters have in common. It comes before them.

let numbered = 0
const unique = (what) => `${what}-${++numbered}`

function button(parent, name, text, act) {
  const made = add(parent, "button", name, text)
  made.type = "button"
  made.addEventListener("click", act)
  return made
}

function field(parent, kind, label) {
  const made = add(parent, "input", "field")
  made.type = kind
  made.setAttribute("aria-label", label)
  made.autocomplete = "off"
  made.spellcheck = false
  return made
}

// What the visitor is doing goes before what an echo of a moment ago says.
function presence() {
  let last = 0, gesture = 0
  return {
    touch(pause = 1000) {
      if (Date.now() - last > pause) gesture = Date.now()
      last = Date.now()
      return gesture
    },
    begin() { last = gesture = Date.now(); return gesture },
    get busy() { return Date.now() - last < 700 },
    get gesture() { return gesture },
  }
}

