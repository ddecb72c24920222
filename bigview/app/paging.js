// Buttons with names, and the way from page to page.

function button(parent, name, text, label, act) {
  const made = add(parent, "button", name, text)
  made.type = "button"
  if (label) {
    made.title = label
    made.setAttribute("aria-label", label)
  }
  made.addEventListener("click", act)
  return made
}

function pager(parent, send, label_) {
  const box = add(parent, "nav", "pager")
  box.setAttribute("aria-label", label_)
  let number = 1, pages = 1
  const go = (wanted) => send("page", Math.min(Math.max(1, wanted), pages))
  const first = button(box, "step", "«", "First page", () => go(1))
  const before = button(box, "step", "‹", "Previous page", () => go(number - 1))
  const label = add(box, "label", "", "Page ")
  const field = add(label, "input", "number")
  field.inputMode = "numeric"
  field.setAttribute("aria-label", "Page number")
  const all = add(box, "span", "soft")
  const next = button(box, "step", "›", "Next page", () => go(number + 1))
  const last = button(box, "step", "»", "Last page", () => go(pages))
  const leap = () => {
    const wanted = parseInt(field.value.replace(/\D/g, ""), 10)
    wanted && wanted !== number ? go(wanted) : (field.value = number.toLocaleString("en"))
  }
  field.addEventListener("change", leap)
  field.addEventListener("keydown", (event) => { if (event.key === "Escape") field.value = number.toLocaleString("en") })
  return (page) => {
    [number, pages] = [page.number ?? 1, page.pages ?? 1]
    first.disabled = before.disabled = number <= 1
    next.disabled = last.disabled = number >= pages
    field.value = number.toLocaleString("en")
    field.style.width = `${field.value.length + 2}ch`
    all.textContent = `of ${pages.toLocaleString("en")}`
    box.hidden = pages <= 1
  }
}

