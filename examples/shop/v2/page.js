const goods = ['Green tea', 'Oat biscuits', 'Plum jam', 'Rye bread', 'Sea salt', 'Wild honey']

/**
 * @typedef {object} View
 * @property {string | undefined} user
 * @property {readonly string[]} cart
 * @property {readonly string[]} wishlist
 * @property {string} release
 * @property {string} node
 */

/** @param {View} view */
export function page(view) {
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>The corner shop</title>
<style>${css}</style>
<header>
  <h1>The corner shop</h1>
  <p>Now with wishes</p>
  ${view.user === undefined ? loginForm : greeting(view.user)}
</header>
<main>
  <section>
    <h2>On the shelf</h2>
    <ul class="goods">${goods.map(good).join('')}</ul>
  </section>
  <section>
    <h2>Your cart</h2>
    ${list(view.cart, 'Nothing in it yet.')}
    <h2>Your wishes</h2>
    ${list(view.wishlist, 'Nothing to wish for.')}
  </section>
</main>
<footer>Release <b>${escapeHtml(view.release)}</b> on node <b>${escapeHtml(view.node)}</b></footer>
</html>
`
}

const loginForm = `<form method="post" action="/login">
    <input name="user" placeholder="Your name" aria-label="Your name" required maxlength="64">
    <button>Log in</button>
  </form>`

/** @param {string} user */
const greeting = (user) => `<form method="post" action="/logout">
    <span>Hello, <b>${escapeHtml(user)}</b></span>
    <button>Log out</button>
  </form>`

/** @param {string} name */
const good = (name) => `<li>
      <form method="post" action="/cart"><span>${name}</span><button name="item" value="${name}" formaction="/wishlist" aria-label="Wish for ${name}">♡</button><button name="item" value="${name}">Add</button></form>
    </li>`

/**
 * @param {readonly string[]} items
 * @param {string} empty
 */
const list = (items, empty) =>
  items.length === 0
    ? `<p class="empty">${empty}</p>`
    : `<ol>${items.map((item) => `<li>${escapeHtml(item)}</li>`).join('')}</ol>`

/** @param {string} text */
const escapeHtml = (text) => text.replace(/[&<>"']/g, (char) => `&#${char.charCodeAt(0)};`)

const css = `
:root { --brand: #0f766e; --tint: #ecfdf8; color-scheme: light; font: 16px/1.5 system-ui, sans-serif; color: #1f2937 }
* { box-sizing: border-box }
body { margin: 0; background: #f8fafc; min-height: 100vh; display: flex; flex-direction: column }
header { background: var(--brand); color: #fff; padding: 1.5rem max(1.5rem, 50% - 26rem); display: grid; grid-template-columns: 1fr auto; align-items: center }
header h1 { margin: 0; font-size: 1.6rem } header p { margin: 0; opacity: .8; grid-row: 2 }
header form { grid-row: 1 / 3; grid-column: 2; display: flex; gap: .6rem; align-items: center }
main { flex: 1; width: 100%; max-width: 55rem; margin: 0 auto; padding: 1.5rem; display: grid; gap: 1.5rem; grid-template-columns: 2fr 1fr; align-items: start }
section { background: #fff; border: 1px solid #e5e7eb; border-radius: 12px; padding: 1.25rem 1.5rem }
h2 { margin: 0 0 .75rem; font-size: 1.05rem } ol + h2, .empty + h2 { margin-top: 1.5rem } ol { margin: 0; padding-left: 1.2rem } .empty { margin: 0; color: #6b7280 }
.goods { list-style: none; margin: 0; padding: 0 } .goods li + li { border-top: 1px solid #f1f5f9 }
.goods form { display: flex; justify-content: space-between; align-items: center; gap: .5rem; padding: .5rem 0 }
.goods form span { flex: 1 }
button { font: inherit; border: 0; border-radius: 8px; padding: .35rem .9rem; background: var(--tint); color: var(--brand); cursor: pointer }
header button { background: #fff } input { font: inherit; border: 0; border-radius: 8px; padding: .35rem .7rem; width: 10rem }
footer { padding: 1rem; text-align: center; color: #6b7280; font-size: .9rem }
@media (max-width: 40rem) { main, header { grid-template-columns: 1fr } header form { grid-column: 1; grid-row: 3; margin-top: .75rem } }
`
