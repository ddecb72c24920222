// From compressed tones to the picture of the plot; runs in the browser when a frame or a table of colours has come.
// `frames`, `colours`, `image` and `under` are sources: what came, what the plot draws, and what it draws around that where the map moves on.

const known = (window.__bigview ??= new WeakMap())
const state = known.get(image) ?? { turn: 0, painted: 0, drawn: null, table: null, kin: null, kept: [], blank: image.data.image[0] }
known.set(image, state)

const inflated = async (bytes) => {
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"))
  return new Uint8Array(await new Response(stream).arrayBuffer())
}

// The same arithmetic as in raster/spread.py, number for number: a picture is the same in every door. Plain loops: this runs for every frame.
const COVER = 1.3, SOFT = 0.6, FAINTEST = 0.04

const discOf = (radius, width) => {
  const found = []
  for (let i = -radius - 1; i <= radius + 1; i++) {
    for (let j = -radius - 1; j <= radius + 1; j++) {
      const distance = Math.hypot(i, j)
      if ((i || j) && distance < radius + SOFT) found.push([distance, i, j])
    }
  }
  found.sort((a, b) => a[0] - b[0] || a[1] - b[1] || a[2] - b[2])
  return {
    size: found.length,
    distance: Float64Array.from(found, (one) => one[0]),
    down: Int32Array.from(found, (one) => one[1]),
    right: Int32Array.from(found, (one) => one[2]),
    away: Int32Array.from(found, (one) => one[1] * width + one[2]),
  }
}

function sumsOf(flat, width, height) {  // of occupied pixels below and left: any window is four numbers
  const wide = width + 1, sums = new Int32Array(wide * (height + 1))
  for (let i = 0, at = 0; i < height; i++) {
    let line = 0, place = (i + 1) * wide + 1
    for (let j = 0; j < width; j++, at++, place++) {
      if (flat[at] !== 0) line++
      sums[place] = sums[place - wide] + line
    }
  }
  return sums
}

function growPixel(flat, out, shape, k, m, reach, disc) {
  const { width, height } = shape, at = k * width + m, colour = flat[at] & 0xffffff
  for (let q = 0; q < disc.size; q++) {
    const cover = reach + SOFT - disc.distance[q]
    if (cover < FAINTEST) return
    const i = k + disc.down[q], j = m + disc.right[q]
    if (i < 0 || i >= height || j < 0 || j >= width) continue
    const place = at + disc.away[q]
    if (flat[place] !== 0) continue
    const alpha = Math.floor(Math.min(1, cover) * 255 + 0.5)
    if (alpha > out[place] >>> 24) out[place] = (colour | (alpha << 24)) >>> 0
  }
}

function grown(flat, width, height, radius) {
  const disc = discOf(radius, width)
  if (!disc.size) return flat
  const out = flat.slice(), sums = sumsOf(flat, width, height), around = 2 * radius, wide = width + 1, shape = { width, height }
  const least = disc.distance[0] + FAINTEST - SOFT
  const crowd = COVER / (Math.PI * least * least) * 1.001  // occupied neighbours, as a share, that leave no room to grow
  for (let k = 0, at = 0; k < height; k++) {
    const a = Math.max(0, k - around), b = Math.min(height, k + around + 1), low = a * wide, high = b * wide
    for (let m = 0; m < width; m++, at++) {
      if (flat[at] === 0) continue
      const c = Math.max(0, m - around), d = Math.min(width, m + around + 1)
      const found = sums[high + d] - sums[low + d] - sums[high + c] + sums[low + c], area = (b - a) * (d - c)
      if (found > crowd * area) continue
      const reach = Math.fround(Math.min(radius, Math.sqrt((COVER * (b - a) * (d - c)) / (Math.PI * found))))
      growPixel(flat, out, shape, k, m, reach, disc)
    }
  }
  return out
}

function coloured({ bytes, facts }, table) {
  const { width, height } = facts, size = width * height, out = new Uint32Array(size)
  if (facts.mixed) {
    for (let at = 0; at < size; at++) {
      out[at] = (bytes[at] | (bytes[size + at] << 8) | (bytes[2 * size + at] << 16) | (bytes[3 * size + at] << 24)) >>> 0
    }
  } else if (facts.hues) {
    for (let at = 0, next = size; at < size; at++) {
      if (bytes[at]) out[at] = table[256 * bytes[next++] + bytes[at]]
    }
  } else {
    for (let at = 0; at < size; at++) out[at] = table[bytes[at]]
  }
  return out
}

// Earlier pictures of the same rows and colours, the coarsest first, one for each doubling of the pixels: one of them stands, fainter, where the
// newest picture ends, until a picture of that place has come.
const KEPT = 4, REACH = 0.5, BOTTOM = 1e-9

const keep = (pixels, facts) => {
  const octave = Math.round(Math.log2(facts.dw / facts.width))
  const kept = state.kept.filter((one) => one.octave !== octave)
  kept.push({ octave, pixels, ...facts })
  kept.sort((a, b) => b.octave - a.octave)
  if (kept.length > KEPT) kept.splice(1, 1)  // the widest one of all is the last resort
  state.kept = kept
}

const overlap = (low, size, other, extent) => Math.max(0, Math.min(low + size, other + extent) - Math.max(low, other))

const around = (facts) => {  // the kept picture that has most of what surrounds a picture; of equals the finest
  const x = facts.x - REACH * facts.dw, y = facts.y - REACH * facts.dh, dw = (1 + 2 * REACH) * facts.dw, dh = (1 + 2 * REACH) * facts.dh
  let best = null, most = overlap(x, dw, facts.x, facts.dw) * overlap(y, dh, facts.y, facts.dh) * (1 + BOTTOM)
  for (const one of state.kept) {
    const share = overlap(x, dw, one.x, one.dw) * overlap(y, dh, one.y, one.dh)
    if (share > 0 && share >= most * 0.95 && (best !== null || share > most)) [best, most] = [one, Math.max(most, share)]
  }
  return best
}

const without = (one, facts) => {  // a picture without the pixels that touch the place of another
  const out = one.pixels.slice(), across = one.dw / one.width, along = one.dh / one.height
  const edge = (value, last) => Math.min(Math.max(value, 0), last)
  const left = edge(Math.floor((facts.x - one.x) / across), one.width), right = edge(Math.ceil((facts.x + facts.dw - one.x) / across), one.width)
  const low = edge(Math.floor((facts.y - one.y) / along), one.height), high = edge(Math.ceil((facts.y + facts.dh - one.y) / along), one.height)
  for (let row = low; row < high && left < right; row++) out.fill(0, row * one.width + left, row * one.width + right)
  return out
}

const surround = (facts) => {
  const one = around(facts)
  if (one === null && !under.data.image.length) return
  const data = { image: [], x: [], y: [], dw: [], dh: [] }
  if (one !== null) {
    data.image.push(new state.blank.constructor(without(one, facts), [one.height, one.width]))
    for (const name of ["x", "y", "dw", "dh"]) data[name].push(one[name])
  }
  under.setv({ data }, { sync: false })
}

const paint = () => {
  const { drawn, table } = state
  if (drawn === null || !(drawn.facts.mixed || table?.id === drawn.facts.table)) return  // the table is on its way
  const { facts } = drawn
  const pixels = grown(coloured(drawn, table?.colours), facts.width, facts.height, facts.radius)
  if (state.kin !== facts.kin) [state.kin, state.kept] = [facts.kin, []]
  surround(facts)
  keep(pixels, facts)
  const picture = new state.blank.constructor(pixels, [facts.height, facts.width])
  show([picture], facts)
}

const show = (pictures, { x, y, dw, dh, approximate }) => {
  // What the browser made itself must not be sent back.
  image.setv({ tags: approximate ? ["approximate"] : [] }, { sync: false })
  image.setv({ data: { ...image.data, image: pictures, x: [x], y: [y], dw: [dw], dh: [dh] } }, { sync: false })
}

const frameCame = async () => {
  const [facts] = frames.data.facts ?? [], [body] = frames.data.body ?? []
  if (!facts || facts.number === state.number) return
  state.number = facts.number
  const turn = ++state.turn
  if (facts.blank) {
    state.painted = turn
    state.drawn = null
    state.kept = []
    surround({ ...facts, dw: 0, dh: 0 })
    show([new state.blank.constructor(new Uint32Array(1), [1, 1])], { ...facts, dw: 0, dh: 0 })
    return
  }
  const bytes = await inflated(body)
  if (turn < state.painted) return  // a later frame was quicker
  state.painted = turn
  state.drawn = { bytes, facts }
  paint()
}

const tableCame = async () => {
  const [body] = colours.data.body ?? [], [id] = colours.data.id ?? []
  if (!body || id === state.wanted) return
  state.wanted = id
  const bytes = await inflated(body)
  if (id !== state.wanted) return
  state.table = { id, colours: new Uint32Array(bytes.buffer) }
  paint()
}

tableCame()
frameCame()
